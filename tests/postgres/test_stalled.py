"""What the sweeper finds: runs that stood still count as driven again, runs just complete do not."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey
from shared.store.chunks import Chunking
from shared.store.store import Store
from tests.support.records import ANNA, IMPORT, MODEL, PROMPTS, result_of, with_matter

EVENT = ImportReceived(
    import_id=IMPORT, user_id=ANNA, run=1, source="a/b", requested_at=datetime(2024, 5, 1, tzinfo=UTC)
)


async def found(store: Store, patience: float) -> list[tuple[str, bool, int]]:
    return [(run.action, run.driven, run.redrives) for run in await store.find_stalled("v2", patience)]


async def test_a_run_just_complete_is_offered_and_counts_only_when_it_stood_still(store: Store) -> None:
    await store.take_run(EVENT, "v2", "a")
    await store.record_chunks([with_matter(result_of(0))], model=MODEL, prompt_version=PROMPTS)
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=1))).complete
    assert await found(store, 60.0) == [("consolidate", False, 0)]
    assert await found(store, 0.0) == [("consolidate", True, 1)]
    assert await found(store, 60.0) == [("consolidate", False, 1)]
    assert (await store.list_runs(IMPORT))[0].redrives == 1


async def test_a_run_whose_chunks_do_not_come_in_is_driven_after_its_patience(store: Store) -> None:
    await store.take_run(EVENT, "v2", "a")
    await store.finish_chunking(IMPORT, 1, Chunking(total=2))
    assert await found(store, 60.0) == []
    assert [run.key for run in await store.find_stalled("v2", 0.0)] == [RunKey(IMPORT, 1)]
    assert await found(store, 0.0) == [("import", True, 2)]
    assert await found(store, 0.0) == [("import", True, 3)]
    await store.record_chunks([with_matter(result_of(0))], model=MODEL, prompt_version=PROMPTS)
    assert await found(store, 0.0) == [("import", True, 1)], "a chunk came in: counted anew"
