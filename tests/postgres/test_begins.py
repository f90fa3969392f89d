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


async def taken(store: Store) -> int:
    return (await store.take_run(EVENT, "v2", "a")).begins


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
    for _ in range(20):
        assert await taken(store) == 1
        await store.leave_run(IMPORT, 1)
    await store.leave_run(IMPORT, 1)
    assert await taken(store) == 1
