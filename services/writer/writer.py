"""The writer: commits a run's memory, sections, status and cost in one transaction."""

from __future__ import annotations

from typing import Literal

from shared.events import MemoryReady
from shared.store.store import Store

STEP = "consolidating"
"""The step a run fails in whose coverage falls short."""

Ending = Literal["complete", "failed"]


async def write_memory(memory: MemoryReady, store: Store, min_coverage: float) -> Ending:
    """Commit `memory` and answer how the run ended: complete, or failed below `min_coverage`.

    A failed run leaves what the profile serves as it was. Committing twice changes nothing, and an older
    run never overwrites a newer one: the store sees to both.
    """
    share = memory.coverage.share
    if share >= min_coverage:
        await store.commit_memory(memory, status="complete")
        return "complete"
    message = (
        f"only {share:.1%} of {memory.coverage.total} chunks could be read "
        f"({memory.coverage.dead} are dead); at least {min_coverage:.1%} are needed"
    )
    await store.commit_memory(memory, status="failed", error={"step": STEP, "message": message})
    return "failed"
