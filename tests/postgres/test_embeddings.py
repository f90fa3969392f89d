"""Passages are given out for embedding once at a time, most recent first, user by user; embeddings stand
while the text they are of does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest

from shared.domain.errors import StoreError
from shared.store.embeddings import AllEmbeddings, EmbeddingCounts, RefusedPassage
from shared.store.store import Store, open_store
from tests.postgres.conftest import EVERY_WAY
from tests.support.embeddings import claimed, embed_all, given, passages, vector_of
from tests.support.fake_embeddings import MODEL
from tests.support.records import ANNA, BORIS, IMPORT, PassageOf, commit, memory_of
from tests.support.runs import begin_run
from tests.support.transports import TRANSPORTS, Transports


@pytest.fixture(params=TRANSPORTS)
async def store(
    request: pytest.FixtureRequest, transports: Transports, embedding_database: str
) -> AsyncIterator[Store]:
    async with transports.store(request.param, embedding_database) as opened:
        yield opened


@pytest.fixture
async def sql(embedding_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(embedding_database)
    try:
        yield connection
    finally:
        await connection.close()


async def test_passages_go_out_most_recent_first_and_to_one_owner_at_a_time(store: Store) -> None:
    await passages(store, ANNA, "one", "two", "three", "four")
    first = await claimed(store, "a", 2)
    second = await claimed(store, "b", 2)
    assert [each.content for each in (*first, *second)] == ["one", "two", "three", "four"]
    assert await claimed(store, "c") == ()
    await store.save_embeddings(ANNA, "a", model=MODEL, embedded=given(first))
    await store.release_passages("b")
    assert [each.content for each in await claimed(store, "c")] == ["three", "four"]


@EVERY_WAY
async def test_many_owners_at_once_share_without_overlap(store: Store) -> None:
    await passages(store, ANNA, *(f"passage {n}" for n in range(60)))
    found = await asyncio.gather(*(claimed(store, f"owner {n}", 7) for n in range(10)))
    ids = [each.id for some in found for each in some]
    assert len(ids) == len(set(ids)) == 60


async def test_users_take_turns(store: Store) -> None:
    await passages(store, ANNA, *(f"passage {n}" for n in range(5)))
    await passages(store, BORIS, "one", "two")
    order = []
    while (found := await store.next_passages_to_embed("a", 60.0, model=MODEL, limit=1)) is not None:
        order.append(found.user_id)
    assert [order.count(ANNA), order.count(BORIS)] == [5, 2]
    assert order[:4] in ([ANNA, BORIS, ANNA, BORIS], [BORIS, ANNA, BORIS, ANNA])


@EVERY_WAY
async def test_what_an_owner_does_not_renew_is_anothers(store: Store) -> None:
    await passages(store, ANNA, "one")
    assert await store.next_passages_to_embed("a", 0.0, model=MODEL, limit=10) is not None
    (mine,) = await claimed(store, "b")
    assert await store.renew_passages("a", 60.0) == 0
    assert await store.renew_passages("b", 60.0) == 1
    # What came too late is no harm, and is nobody else's claim.
    assert await store.save_embeddings(ANNA, "a", model=MODEL, embedded=given([mine])) == 1
    assert await store.renew_passages("b", 60.0) == 1


async def test_a_passage_that_changed_meanwhile_is_embedded_as_it_is_now(store: Store) -> None:
    await passages(store, ANNA, "one", "two")
    found = await claimed(store)
    await passages(store, ANNA, "one", "two, changed")
    assert await store.save_embeddings(ANNA, "a", model=MODEL, embedded=given(found)) == 1
    assert [each.content for each in await claimed(store)] == ["two, changed"]


async def test_an_unchanged_passage_keeps_id_and_embedding_and_a_changed_one_loses_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    await passages(store, ANNA, "one", "two")
    await embed_all(store, ANNA)
    look = "SELECT passage_index, id, embedding::text FROM conversation_chunks ORDER BY passage_index"
    before = await sql.fetch(look)
    await passages(store, ANNA, "one", "two")
    assert await sql.fetch(look) == before
    await store.save_chunks_batch(
        ANNA, [PassageOf("c1", 0, "one", "Another title", last=False), PassageOf("c1", 1, "three")]
    )
    after = await sql.fetch(look)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert after[0]["embedding"] == before[0]["embedding"]
    assert after[1]["embedding"] is None


async def test_what_gives_text_and_embedding_at_once_keeps_both(
    store: Store, sql: asyncpg.Connection
) -> None:
    await passages(store, ANNA, "one")
    await embed_all(store, ANNA)
    await sql.execute(
        "UPDATE conversation_chunks SET content = 'two', embedding = $1::text::vector", vector_of("two")
    )
    assert await sql.fetchval("SELECT embedding IS NOT NULL FROM conversation_chunks")


@pytest.mark.parametrize("final", [True, False])
@EVERY_WAY
async def test_a_refused_passage_is_asked_for_again_only_if_it_or_the_model_changes(
    store: Store, sql: asyncpg.Connection, final: bool
) -> None:
    await passages(store, ANNA, "one", "two")
    one, two = await claimed(store)
    refused = [RefusedPassage(one.id, one.content_hash, "too_long", final)]
    await store.save_embeddings(ANNA, "a", model=MODEL, embedded=given([two]), refused=refused)
    assert await claimed(store) == ()
    counts = await store.count_embeddings(total=True)
    assert counts == AllEmbeddings(2, 1, 1, (MODEL,))
    assert counts.waiting == 0
    await sql.execute("UPDATE embedding_claims SET until = until - interval '1 day'")
    again = await claimed(store)
    assert [each.content for each in again] == ([] if final else ["one"])
    await store.release_passages("a")
    await sql.execute("UPDATE embedding_claims SET refused = 'too_long', until = 'infinity'")
    other = await store.next_passages_to_embed("a", 60.0, model="another", limit=10)
    assert other is not None
    await store.save_embeddings(ANNA, "a", model="another", refused=refused)
    await passages(store, ANNA, "one, shorter", "two")
    assert [each.content for each in await claimed(store)] == ["one, shorter"]


async def test_a_passage_refused_in_doubt_a_third_time_is_refused_for_good(
    store: Store, sql: asyncpg.Connection
) -> None:
    await passages(store, ANNA, "one")
    for _ in range(3):
        (one,) = await claimed(store)
        refused = [RefusedPassage(one.id, one.content_hash, "timeout", final=False)]
        await store.save_embeddings(ANNA, "a", model=MODEL, refused=refused)
        assert await claimed(store) == ()
        await sql.execute("UPDATE embedding_claims SET until = until - interval '4 days'")
    assert await claimed(store) == ()


async def test_refusals_of_deleted_passages_are_forgotten(store: Store, sql: asyncpg.Connection) -> None:
    await passages(store, ANNA, "one")
    (one,) = await claimed(store)
    refused = [RefusedPassage(one.id, one.content_hash, "refused", final=True)]
    await store.save_embeddings(ANNA, "a", model=MODEL, refused=refused)
    await sql.execute("DELETE FROM conversation_chunks")
    await store.release_passages("a")
    assert await sql.fetchval("SELECT count(*) FROM embedding_claims") == 0


@EVERY_WAY
async def test_embeddings_of_another_size_are_refused_whole(store: Store) -> None:
    await passages(store, ANNA, "one")
    found = await claimed(store)
    with pytest.raises(StoreError) as refused:
        await store.save_embeddings(ANNA, "a", model=MODEL, embedded=given(found, 16))
    assert refused.value.sqlstate == "22000"
    assert "0." not in str(refused.value)


async def test_a_save_in_a_strangers_name_changes_nothing(store: Store) -> None:
    await passages(store, ANNA, "one")
    found = await claimed(store)
    assert await store.save_embeddings(BORIS, "a", model=MODEL, embedded=given(found)) == 0
    assert (await store.count_embeddings()).lacking == 1


@EVERY_WAY
async def test_costs_add_up_by_user_and_a_price_that_is_not_known_leaves_the_sum_unknown(
    store: Store,
) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    for user, cost in ((ANNA, 0.25), (ANNA, 0.5), (BORIS, 1.0), (BORIS, None)):
        await store.save_embeddings(user, "a", model=MODEL, calls=2, tokens=10, cost=cost)
    boris, anna = await store.read_embedding_usage()
    assert (anna.user_id, anna.calls, anna.input_tokens, anna.cost) == (ANNA, 4, 20, 0.75)
    assert (boris.user_id, boris.cost) == (BORIS, None)
    assert await store.read_embedding_usage(ANNA) == [anna]


async def test_search_finds_the_nearest_of_the_users_own_passages(store: Store) -> None:
    await passages(store, ANNA, "my dog is old", "my car is red", "so it goes")
    await passages(store, BORIS, "dog")
    await embed_all(store, ANNA)
    await embed_all(store, BORIS)
    found = await store.search_embeddings(ANNA, vector_of("puppy"), 2)
    assert found[0].snippet == "my dog is old"
    assert len(found) == 2
    assert 1 >= found[0].similarity > found[1].similarity
    assert await store.search_embeddings(ANNA, "[" + ",".join(["0"] * 64) + "]") == [], (
        "nothing is near to nothing"
    )


async def in_app_format(sql: asyncpg.Connection, state: str) -> None:
    await sql.execute("UPDATE imports SET profile_format = 'app', state = $1", state)


async def told(sql: asyncpg.Connection) -> tuple[str, int]:
    row = await sql.fetchrow("SELECT embedding_status, embedding_progress FROM user_profiles")
    assert row is not None
    return tuple(row)


@EVERY_WAY
async def test_the_profile_tells_how_far_embeddings_are_in_the_apps_format(
    store: Store, sql: asyncpg.Connection
) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await passages(store, ANNA, *(f"passage {n}" for n in range(4)))
    await store.tell_embeddings(ANNA)
    assert await told(sql) == ("pending", 0), "a profile of Markdown is no app's"
    await in_app_format(sql, "chunking")
    found = await claimed(store, "a", 3)
    await store.save_embeddings(ANNA, "a", model=MODEL, embedded=given(found))
    assert await store.tell_embeddings(ANNA) == EmbeddingCounts(4, 1, 0)
    assert await told(sql) == ("processing", 75)
    assert await store.embedding_users() == [ANNA]
    (last,) = await claimed(store)
    refused = [RefusedPassage(last.id, last.content_hash, "refused", final=True)]
    await store.save_embeddings(ANNA, "a", model=MODEL, refused=refused)
    await store.tell_embeddings(ANNA)
    assert await told(sql) == ("processing", 99), "the export is being read"
    await in_app_format(sql, "extracting")
    assert (await store.tell_embeddings(ANNA)).waiting == 0
    assert await told(sql) == ("complete", 100)
    assert await store.embedding_users() == []


async def test_the_apps_cost_page_shows_what_embeddings_cost(store: Store, sql: asyncpg.Connection) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.save_embeddings(ANNA, "a", model=MODEL, calls=3, tokens=1000, cost=0.5)
    await in_app_format(sql, "complete")
    deep = "[" * 100_000
    for shown in ("no JSON", '{"a": 1}', "[]", '{"a": "\\u0000"}', '{"llm_cost_usd": 1e999999}', deep, None):
        await sql.execute("UPDATE user_profiles SET import_cost_json = $1", shown)
        await store.tell_embeddings(ANNA)
        assert await sql.fetchval("SELECT import_cost_json FROM user_profiles") == shown
    await sql.execute("""UPDATE user_profiles SET import_cost_json = '{"llm_cost_usd": 1.25, "x": "y"}'""")
    await store.tell_embeddings(ANNA)
    await store.tell_embeddings(ANNA)
    assert orjson.loads(await sql.fetchval("SELECT import_cost_json FROM user_profiles")) == {
        "llm_cost_usd": 1.25,
        "x": "y",
        "embedding_cost_usd": 0.5,
        "embedding_call_count": 3,
        "embedding_input_tokens": 1000,
        "total_cost_usd": 1.75,
    }


async def test_what_was_embedded_before_the_commit_is_on_the_cost_page_with_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.save_embeddings(ANNA, "a", model=MODEL, calls=3, tokens=1000, cost=0.25)
    await in_app_format(sql, "extracting")
    assert (await store.tell_embeddings(ANNA)).waiting == 0
    assert await store.embedding_users() == [], "nothing is left to be told later"
    assert (await commit(store, memory_of(1), profile_format="app")).written
    cost = orjson.loads(await sql.fetchval("SELECT import_cost_json FROM user_profiles"))
    assert (cost["llm_cost_usd"], cost["embedding_cost_usd"], cost["total_cost_usd"]) == (0.5, 0.25, 0.75)


async def test_without_a_column_nothing_is_given_out_or_found(database: str) -> None:
    async with open_store(database) as store:
        await passages(store, ANNA, "one")
        assert await store.embedding_column() is None
        assert await claimed(store) == ()
        assert await store.search_embeddings(ANNA, "[1]") == []
        assert await store.count_embeddings() == AllEmbeddings(1, 1, 0, ())
        assert await store.tell_embeddings(ANNA) == EmbeddingCounts(1, 1, 0)
