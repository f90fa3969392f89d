"""Which of a user's runs is newer, by the database's own clock; what an older one may not put back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey
from shared.store.chunks import Chunking
from shared.store.profiles import Commit
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, BORIS, IMPORT, SEED, PassageOf, commit, memory_of
from tests.support.runs import begin_run

OTHER = uuid5(SEED, "other")
HOURS = timedelta(hours=2)


class Asked(NamedTuple):
    """An import and when its request says that it was made, from the database's now."""

    import_id: UUID
    ago: timedelta
    run: int = 1


async def take(store: Store, *asked: Asked) -> None:
    """Runs whose events come in this order, without a request before."""
    for each in asked:
        event = ImportReceived(
            import_id=each.import_id,
            user_id=ANNA,
            run=each.run,
            source="/a.zip",
            requested_at=datetime.now(UTC) - each.ago,
        )
        assert (await store.take_run(event, "v2", "{}", on_log=False)).refusal is None


async def commits(store: Store, *runs: RunKey) -> list[Commit]:
    return [
        await commit(store, memory_of(each.run, import_id=each.import_id, memory_md=f"{each}"))
        for each in runs
    ]


async def served(store: Store) -> RunKey | None:
    profile = await store.read_profile(ANNA)
    assert profile is not None
    return None if profile.import_id is None else RunKey(profile.import_id, profile.run or 0)


async def test_a_request_from_a_clock_ahead_counts_as_of_its_arrival(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store, Asked(IMPORT, -HOURS))
    assert await sql.fetchval("SELECT requested_at <= begun_at AND requested_at <= now() FROM imports")
    assert await commits(store, RunKey(IMPORT, 1)) == [Commit(True, None)]
    await begin_run(store, OTHER, ANNA, "/b.zip", "v2")
    assert await commits(store, RunKey(OTHER, 1)) == [Commit(True, None)]
    assert await served(store) == RunKey(OTHER, 1)


async def test_what_is_requested_now_is_newer_than_any_request_stored_even_where_a_clock_was_set_back(
    store: Store, sql: asyncpg.Connection
) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await commits(store, RunKey(IMPORT, 1))
    await sql.execute("UPDATE imports SET requested_at = now() + interval '2 hours'")
    await begin_run(store, OTHER, ANNA, "/b.zip", "v2")
    assert await commits(store, RunKey(OTHER, 1)) == [Commit(True, None)]
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert (profile.import_id, profile.full_pass_status) == (OTHER, "complete")


async def test_runs_begun_in_the_other_order_keep_the_order_of_their_requests(store: Store) -> None:
    first = await store.accept_import(IMPORT, ANNA, "/a.zip", "v2", on_log=False)
    second = await store.accept_import(OTHER, ANNA, "/b.zip", "v2", on_log=False)
    assert (first.run, second.run) == (1, 1)
    for import_id in (OTHER, IMPORT):
        await begin_run(store, import_id, ANNA, "/a.zip", "v2")
    assert await commits(store, RunKey(OTHER, 1), RunKey(IMPORT, 1)) == [
        Commit(True, None),
        Commit(False, "older"),
    ]
    assert await served(store) == RunKey(OTHER, 1)


async def test_a_backlog_is_older_than_what_was_requested_since(store: Store) -> None:
    days = timedelta(days=1)
    await take(store, Asked(OTHER, days), Asked(IMPORT, 3 * days))
    assert (await commits(store, RunKey(OTHER, 1), RunKey(IMPORT, 1)))[1] == Commit(False, "older")


async def test_an_old_import_run_again_is_the_newest(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await commits(store, RunKey(IMPORT, 1))
    await begin_run(store, OTHER, ANNA, "/b.zip", "v2")
    await commits(store, RunKey(OTHER, 1))
    again = await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    assert await commits(store, RunKey(IMPORT, again.run)) == [Commit(True, None)]
    # By an event with the time of the first request, too: within an import the run's number is the order.
    await take(store, Asked(IMPORT, timedelta(days=9), run=3))
    assert await commits(store, RunKey(IMPORT, 3)) == [Commit(True, None)]


@EVERY_WAY
async def test_a_run_that_goes_on_after_a_newer_one_was_served_is_asked_for_now(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.save_chunks_batch(ANNA, passages("first", 1), of_run=RunKey(IMPORT, 1))
    await store.finish_chunking(IMPORT, 1, Chunking(total=1))
    await begin_run(store, OTHER, ANNA, "/b.zip", "v2")
    await store.save_chunks_batch(ANNA, passages("other", 1), of_run=RunKey(OTHER, 1))
    await commits(store, RunKey(OTHER, 1))
    assert (await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")).resumed
    seen = await store.watch_run(IMPORT, 1)
    assert seen is not None
    assert seen.state == "chunking", "it is read again, since its passages were overwritten"
    await store.save_chunks_batch(ANNA, passages("first", 1), of_run=RunKey(IMPORT, 1))
    assert await texts(store) == ["first 0"]
    assert await commits(store, RunKey(IMPORT, 1)) == [Commit(True, None)]


# Passages


async def two_runs(store: Store) -> tuple[RunKey, RunKey]:
    """An older and a newer run of the user, both begun."""
    await take(store, Asked(IMPORT, HOURS), Asked(OTHER, HOURS / 2))
    return RunKey(IMPORT, 1), RunKey(OTHER, 1)


async def texts(store: Store, conversation_id: str = "c1") -> list[str]:
    return [each.content for each in await store.read_passages(ANNA, conversation_id)]


def passages(text: str, count: int, conversation_id: str = "c1") -> list[PassageOf]:
    return [PassageOf(conversation_id, n, content=f"{text} {n}", last=n == count - 1) for n in range(count)]


async def test_an_older_run_neither_overwrites_nor_deletes_a_newer_ones_passages(store: Store) -> None:
    older, newer = await two_runs(store)
    await store.save_chunks_batch(ANNA, passages("new", 3), of_run=newer)
    saved = await store.save_chunks_batch(
        ANNA, [*passages("old", 2), *passages("old", 2, "only in the older")], of_run=older
    )
    assert (saved.written, saved.deleted) == (2, 0)
    assert await texts(store) == ["new 0", "new 1", "new 2"]
    assert await texts(store, "only in the older") == ["old 0", "old 1"]
    await store.save_chunks_batch(ANNA, passages("old", 5), of_run=older)
    assert await texts(store) == ["new 0", "new 1", "new 2"], "none are added beyond the newer one's last"


async def test_what_a_newer_run_left_as_it_was_is_its_own_all_the_same(store: Store) -> None:
    older, newer = await two_runs(store)
    middle = await begin_run(store, uuid5(SEED, "third"), ANNA, "/c.zip", "v2")
    newest = RunKey(uuid5(SEED, "third"), middle.run)
    await store.save_chunks_batch(ANNA, passages("same", 2), of_run=older)
    assert (await store.save_chunks_batch(ANNA, passages("same", 2), of_run=newest)).written == 0
    await store.save_chunks_batch(ANNA, passages("other", 1), of_run=newer)
    assert await texts(store) == ["same 0", "same 1"]


async def test_a_newer_run_rewrites_and_removes_the_surplus(store: Store) -> None:
    older, newer = await two_runs(store)
    await store.save_chunks_batch(ANNA, passages("old", 4), of_run=older)
    saved = await store.save_chunks_batch(ANNA, passages("new", 2), of_run=newer)
    assert (saved.written, saved.deleted) == (2, 2)
    assert await texts(store) == ["new 0", "new 1"]


async def test_what_an_older_run_forgets_stays_where_a_newer_one_has_it(store: Store) -> None:
    older, newer = await two_runs(store)
    await store.save_chunks_batch(ANNA, passages("new", 1), of_run=newer)
    await store.save_chunks_batch(ANNA, passages("old", 1, "c2"), of_run=older)
    await store.finish_chunking(*older, Chunking(total=0, forgotten=["c1", "c2"]))
    assert (await texts(store), await texts(store, "c2")) == (["new 0"], [])


async def test_what_a_newer_run_forgot_is_not_put_back_by_an_older_one(store: Store) -> None:
    older, newer = await two_runs(store)
    await store.finish_chunking(*newer, Chunking(total=1, forgotten=["c1"]))
    await store.save_chunks_batch(ANNA, passages("taken back", 2), of_run=older)
    assert await texts(store) == []


@EVERY_WAY
async def test_passages_of_a_run_of_another_user_are_refused(store: Store) -> None:
    older, _ = await two_runs(store)
    for user, run in ((BORIS, older), (ANNA, RunKey(IMPORT, 7))):
        with pytest.raises(StoreError) as caught:
            await store.save_chunks_batch(user, passages("x", 1), of_run=run)
        assert caught.value.sqlstate == "SP002"


@EVERY_WAY
async def test_an_older_and_a_newer_run_at_once_leave_the_newer_ones_passages(store: Store) -> None:
    older, newer = await two_runs(store)
    names = [f"c{n}" for n in range(20)]
    batches = {
        run: [each for name in names for each in passages(text, 2, name)]
        for run, text in ((older, "old"), (newer, "new"))
    }
    await asyncio.gather(
        *(store.save_chunks_batch(ANNA, batches[run], of_run=run) for run in (older, newer) * 3)
    )
    for name in names:
        assert await texts(store, name) == ["new 0", "new 1"]
