"""The writer: commits a run's memory, sections, status and cost in one transaction."""

from __future__ import annotations

from typing import Literal

from shared.domain.documents import documents_of
from shared.domain.errors import UnknownRunError
from shared.domain.events import MemoryReady
from shared.domain.plurals import counted
from shared.settings import Settings
from shared.store.store import Store

STEP = "consolidating"
"""The step a run fails in whose coverage falls short."""

Ending = Literal["complete", "failed"]
_UNSERVED = frozenset({"older", "smaller", "outdone", "shadow", "held", "joining", "repeated", "cancelled"})


async def write_memory(memory: MemoryReady, store: Store, settings: Settings) -> Ending | str:
    """Commit `memory`, as `profile_format` has it, and answer how the run ended: complete, or failed below
    `min_coverage`. Or why nobody wants it any more, `older`, `repeated`, `cancelled`; or `smaller`: it would
    lose much of what is served, and is kept beside it until the person accepts it; or `outdone`: it has
    sections only, and better ones are served; or `held`: a replay that came out much worse than what it was
    to replace; or `shadow`: nothing of its run is ever served; or `joining`: another lineage's memory was
    committed meanwhile, and the run is consolidated again with that.

    A failed run leaves what the profile serves as it was. Committing twice changes nothing, and an older
    run never overwrites a newer one: the store sees to both. Raises UnknownRunError.
    """
    share = memory.coverage.share
    ending: Ending = "complete" if share >= settings.min_coverage else "failed"
    error = None
    if ending == "failed":
        message = (
            f"only {share:.1%} of {counted(memory.coverage.total, 'chunk')} could be read "
            f"({memory.coverage.dead:,} dead); at least {settings.min_coverage:.1%} are needed"
        )
        error = {"step": STEP, "message": message}
    commit = await store.commit_memory(
        memory,
        documents=documents_of(memory.sections),
        profile_format=settings.profile_format,
        status=ending,
        error=error,
        notify=settings.app_to_tell is not None,
    )
    if commit.reason == "unknown":
        raise UnknownRunError(f"run {memory.run} of import {memory.import_id} of this user is not known")
    return commit.reason if commit.reason in _UNSERVED else ending
