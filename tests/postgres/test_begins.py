"""How often a run was begun and killed who began it: counted until it comes further, or is left."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.domain.events import ImportReceived
from shared.store.runs import Reading
from shared.store.store import Store
from tests.support.records import ANNA, IMPORT, MODEL, PROMPTS, result_of, with_matter

EVENT = ImportReceived(
    import_id=IMPORT, user_id=ANNA, run=1, source="a/b", requested_at=datetime(2024, 5, 1, tzinfo=UTC)
)


async def taken(store: Store, by: str | None = None) -> int:
    return (await store.take_run(EVENT, "v2", "a", taker=by)).begins


async def read_to(store: Store, byte: int) -> None:
    reading = Reading(bytes_read=byte, bytes_total=1000, conversations=1)
    assert await store.update_progress(IMPORT, 1, 1.0, "chunking", reading)


async def test_it_counts_until_the_reading_comes_further(store: Store) -> None:
    assert [await taken(store) for _ in range(3)] == [1, 2, 3]
    await read_to(store, 500)
    assert [await taken(store) for _ in range(3)] == [1, 2, 3]
    await read_to(store, 400)  # it began anew, and is not where it was yet
    assert await taken(store) == 4
    await read_to(store, 501)
    assert await taken(store) == 1


async def test_a_chunk_that_is_in_is_further_too(store: Store) -> None:
    assert [await taken(store) for _ in range(2)] == [1, 2]
    await store.record_chunks([with_matter(result_of(0))], model=MODEL, prompt_version=PROMPTS)
    assert await taken(store) == 1


async def test_who_leaves_it_did_not_die_of_it(store: Store) -> None:
    for n in range(20):
        assert await taken(store, f"{n}") == 1
        await store.leave_run(IMPORT, 1, f"{n}")
    await store.leave_run(IMPORT, 1, "7")
    assert await taken(store) == 1


async def test_who_takes_it_again_lives(store: Store) -> None:
    """As where a database that comes and goes took what was asked, and not what was said in the end."""
    assert [await taken(store, "one") for _ in range(20)] == [1] * 20
    assert await taken(store, "another") == 2
    assert await taken(store, "one") == 2


async def test_each_leaves_for_itself_alone(store: Store) -> None:
    for n in range(5):
        await taken(store, f"dead {n}")
    assert [await taken(store, by) for by in ("one", "another")] == [6, 7]
    await store.leave_run(IMPORT, 1, "one")
    await store.leave_run(IMPORT, 1, "one")
    await store.leave_run(IMPORT, 1, "nobody")
    assert await taken(store, "another") == 6


async def test_however_often_it_is_begun_the_row_stays_small(store: Store) -> None:
    assert [await taken(store) for _ in range(40)][-1] == 32
