"""What is served: committed once, never by an older run, read back as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid5

import asyncpg
import pytest

from shared.domain.errors import StoreError
from shared.domain.events import Coverage, MemoryReady
from shared.domain.facts import FactStatus
from shared.domain.runs import RunKey
from shared.store.chunks import Chunking
from shared.store.facts import FactUpdate
from shared.store.profiles import Commit, Profile
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    SEED,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    section_shown,
    with_matter,
)
from tests.support.runs import begin_run

FACTS = [
    fact_of("porto", statement="They live in Porto.", quote="I live in Porto"),
    fact_of("tea", statement="They drink 100% oolong.", quote="I drink oolong", conversation_id="c2"),
    fact_of("tea again", statement="They drink oolong tea.", quote="oolong again", conversation_id="none"),
]


async def committed(store: Store) -> None:
    """ANNA's first run, with facts and passages, served."""
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.save_chunks_batch(
        ANNA, [PassageOf("c1"), PassageOf("c2", title="Tea", content="User: oolong")]
    )
    await store.record_chunks([with_matter(result_of(0, FACTS))], model=MODEL, prompt_version=PROMPTS)
    await store.finish_chunking(IMPORT, 1, Chunking(total=1))
    await store.claim_run(IMPORT, 1, "w", 60)
    await store.settle_facts(
        IMPORT,
        1,
        [
            FactUpdate(FACTS[1].id, support=2),
            FactUpdate(FACTS[2].id, FactStatus.MERGED, merged_into=FACTS[1].id),
        ],
    )
    assert await commit(store, memory_of()) == Commit(True, None)


async def profile_of(store: Store) -> Profile:
    profile = await store.read_profile(ANNA)
    assert profile is not None
    return profile


async def test_a_commit_fills_profile_and_run(store: Store) -> None:
    await committed(store)
    profile = await profile_of(store)
    assert (profile.memory_md, profile.soul_md, profile.user_md, profile.tools_md) == (
        "# Memory 1",
        section_shown("soul"),
        section_shown("user"),
        "",
    )
    assert profile.soulprint_text == f"{section_shown('soul')}\n\n{section_shown('user')}"
    assert (profile.full_pass_status, profile.progress_percent, profile.import_stage) == (
        "complete",
        100,
        "complete",
    )
    assert (profile.import_id, profile.run, profile.pipeline) == (IMPORT, 1, "v2")
    assert profile.full_pass_completed_at is not None
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.state, report.coverage, report.cost) == ("complete", 1.0, 0.5)
    assert report.fact_counts == memory_of().facts.model_dump()
    assert report.committed_usage == memory_of().usage
    assert report.finished_at is not None


async def test_a_repeated_commit_changes_nothing(store: Store, sql: asyncpg.Connection) -> None:
    await committed(store)
    before = await profile_of(store)
    assert await commit(store, memory_of(memory_md="other")) == Commit(False, "repeated")
    assert await profile_of(store) == before
    assert await sql.fetchval("SELECT count(*) FROM profile_versions") == 0


async def test_what_a_commit_replaces_is_kept(store: Store, sql: asyncpg.Connection) -> None:
    await store.update_user_profile(ANNA, {"soul_md": "from v1"})
    await committed(store)
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v3")
    assert (await commit(store, memory_of(2), soulprint_text="mine")).written
    rows = await sql.fetch("SELECT run, pipeline, soul_md, memory_md FROM profile_versions ORDER BY version")
    assert [tuple(row) for row in rows] == [
        (None, None, "from v1", None),
        (1, "v2", section_shown("soul"), "# Memory 1"),
    ]
    profile = await profile_of(store)
    assert (profile.soul_md, profile.soulprint_text, profile.run, profile.pipeline) == (
        section_shown("soul", 2),
        "mine",
        2,
        "v3",
    )


async def test_an_older_run_never_overwrites_a_newer(store: Store) -> None:
    late, early = datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    newer = uuid5(SEED, "newer")
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", requested_at=early)
    await begin_run(store, newer, ANNA, "/b.zip", "v2", requested_at=late)
    assert (await commit(store, memory_of(import_id=newer, memory_md="newer"))).written
    assert await commit(store, memory_of(memory_md="older")) == Commit(False, "older")
    profile = await profile_of(store)
    assert (profile.memory_md, profile.import_id, profile.full_pass_status) == ("newer", newer, "complete")
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.state, report.unserved) == ("unserved", "older")


async def test_a_failed_run_leaves_what_is_served(store: Store, sql: asyncpg.Connection) -> None:
    await committed(store)
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    failed = memory_of(2, coverage=Coverage(ok=1, dead=3, total=4))
    error = {"step": "coverage", "message": "only 25 % was read"}
    assert await commit(store, failed, status="failed", error=error) == Commit(False, "failed")
    profile = await profile_of(store)
    assert (profile.memory_md, profile.run) == ("# Memory 1", 1)
    assert (profile.full_pass_status, profile.full_pass_error) == ("failed", "only 25 % was read")
    report = await store.read_run(IMPORT, 2)
    assert report is not None
    assert (report.state, report.coverage, report.error) == ("failed", 0.25, error)
    assert await sql.fetchval("SELECT count(*) FROM profile_versions") == 0


async def refused(store: Store, memory: MemoryReady) -> str | None:
    return (await commit(store, memory)).reason


@EVERY_WAY
async def test_commits_of_runs_that_do_not_exist(store: Store) -> None:
    assert await refused(store, memory_of()) == "unknown"
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    assert await refused(store, memory_of(user_id=BORIS)) == "unknown"
    await store.cancel_run(IMPORT, 1)
    assert await refused(store, memory_of()) == "cancelled"
    with pytest.raises(StoreError, match="complete or failed"):
        await commit(store, memory_of(), status="done")


@EVERY_WAY
async def test_a_broken_commit_changes_nothing(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    with pytest.raises(StoreError, match="NUL"):
        await commit(store, memory_of(memory_md="secret\x00"))
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert report.state == "chunking"
    assert (await profile_of(store)).memory_md is None


async def test_cancelling_keeps_what_is_served(store: Store) -> None:
    await committed(store)
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    assert (await profile_of(store)).full_pass_status == "processing"
    await store.cancel_run(IMPORT, 2)
    assert (await profile_of(store)).full_pass_status == "complete"


async def test_listed_facts_have_titles_and_what_they_absorbed(store: Store) -> None:
    assert await store.list_facts(ANNA) == []
    await committed(store)
    listed = {fact.id: fact for fact in await store.list_facts(ANNA)}
    assert {fact.conversation_title for fact in listed.values()} == {"Moving house", "Tea", ""}
    assert listed[FACTS[1].id].merged_ids == (FACTS[2].id,)
    assert listed[FACTS[1].id].message_ids == (*FACTS[1].message_ids, *FACTS[2].message_ids)
    assert listed[FACTS[1].id].support == 2
    assert [fact.id for fact in await store.list_facts(ANNA)] == [
        fact.id for fact in await store.read_facts(IMPORT, 1)
    ]
    assert await store.list_facts(BORIS) == []


async def test_listing_pages_and_filters(store: Store) -> None:
    await committed(store)
    first = await store.list_facts(ANNA, limit=2)
    rest = await store.list_facts(ANNA, first[-1].key, limit=2)
    assert {fact.id for fact in first + rest} == {fact.id for fact in FACTS}
    merged = await store.list_facts(ANNA, status=[FactStatus.MERGED])
    assert [fact.id for fact in merged] == [FACTS[2].id]
    assert len(await store.list_facts(ANNA, status=[FactStatus.MERGED, FactStatus.CURRENT])) == 3
    for words, count in {
        "OOLONG": 2,
        "oolong tea": 1,
        "100%": 1,
        "%": 1,
        "_": 0,
        "\\": 0,
        "' OR 1=1": 0,
    }.items():
        assert len(await store.list_facts(ANNA, search=words)) == count, words
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    assert await store.list_facts(ANNA, of_run=RunKey(IMPORT, 2)) == []
    assert len(await store.list_facts(ANNA, of_run=RunKey(IMPORT, 1))) == 3
    assert await store.list_facts(BORIS, of_run=RunKey(IMPORT, 1)) == []


async def test_a_fact_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    await committed(store)
    wanted = FACTS[0].id
    for prefix in (str(wanted), wanted.hex, wanted.hex[:8].upper(), str(wanted)[:11]):
        assert [fact.id for fact in await store.find_fact(ANNA, prefix)] == [wanted]
    for prefix in ("", "xyz", "' OR 1=1", "f" * 40):
        assert await store.find_fact(ANNA, prefix) == []
    assert await store.find_fact(BORIS, str(wanted)) == []


async def test_passages_are_searched_by_words(store: Store) -> None:
    long = "padding " * 200 + "I play the Cello daily. " + "padding " * 200
    await store.save_chunks_batch(
        ANNA,
        [
            PassageOf("c1", title="Sale", content="User: 50%_off is Größe", created_at=1.0),
            PassageOf("c2", title="Cello", content=long, created_at=2.0),
            PassageOf("c3", content="nothing", created_at=None),
        ],
    )
    [found] = await store.search_passages(ANNA, "cello PLAY")
    assert (found.conversation_id, found.title) == ("c2", "Cello")
    assert "Cello daily" in found.snippet
    assert len(found.snippet) <= 240
    assert [p.conversation_id for p in await store.search_passages(ANNA, "GRÖSSE")] == []
    assert [p.conversation_id for p in await store.search_passages(ANNA, "GRÖße")] == ["c1"]
    assert [p.conversation_id for p in await store.search_passages(ANNA, "0%_")] == ["c1"]
    assert [p.conversation_id for p in await store.search_passages(ANNA, "n")] == ["c2", "c3"]
    assert [p.conversation_id for p in await store.search_passages(ANNA, "n", limit=1)] == ["c2"]
    assert await store.search_passages(ANNA, "  ") == []
    assert await store.search_passages(BORIS, "n") == []
