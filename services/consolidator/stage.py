"""Results of chunks on their way from the log into the database, many a call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from services.consolidator.consolidations import Consolidations
from shared.domain.errors import StoreError
from shared.domain.events import ChunkStatus, FactsExtracted
from shared.domain.runs import RunKey
from shared.domain.told import told
from shared.english.matters import matter_of
from shared.host.service import NO_RUN, Kit, no_such_run
from shared.models.base import Model
from shared.resilience.faults import Fault, PoisonError, fault_of

PROGRESS_SECONDS = 2.0
STEP = "recording"


class Results:
    """What the consolidator does with records; runs that are complete are offered for consolidation."""

    def __init__(self, kit: Kit, model: Model, consolidations: Consolidations) -> None:
        self._kit = kit
        self._own = (model.name, model.prompt_version)
        self._consolidations = consolidations
        self._moved: set[RunKey] = set()

    async def handle(self, batch: Sequence[FactsExtracted]) -> None:
        """One call for the batch, unless it is of several models."""
        unknown: FactsExtracted | None = None
        events = sorted(batch, key=self._read_by)
        for (model, prompts), group in groupby(events, key=self._read_by):
            results = list(group)
            recorded = await self._kit.store.record_chunks(
                with_matters(results), model=model, prompt_version=prompts
            )
            by_key = {(e.user_id, e.import_id, e.run, e.index): e for e in results}
            strangers: set[tuple[UUID, RunKey]] = set()
            for refused in recorded.ignored:
                event = by_key[refused.user_id, refused.import_id, refused.run, refused.index]
                if refused.reason == "unknown":
                    unknown = event
                    strangers.add((event.user_id, RunKey(event.import_id, event.run)))
                else:
                    self._kit.ignore(event, refused.reason)
            runs = {(e.user_id, RunKey(e.import_id, e.run)) for e in results} - strangers
            owners = {key: user_id for user_id, key in runs}
            priorities = {RunKey(e.import_id, e.run): e.priority for e in results}
            for key in recorded.complete:
                if key in owners:  # else only a stranger spoke of it
                    self._consolidations.offer(key, owners[key], priorities[key])
            self._moved.update(owners)
        if unknown is not None:
            raise no_such_run(unknown)

    def _read_by(self, event: FactsExtracted) -> tuple[str, str]:
        return (event.model, event.prompt_version) if event.model else self._own

    async def give_up(self, event: FactsExtracted | None, error: Exception) -> None:
        """Facts that the database can never take make their chunk dead, so that the import ends; where it
        takes not even that, the import ends failed."""
        if event is None or (isinstance(error, PoisonError) and error.reason == NO_RUN):
            return
        changes = {
            "status": ChunkStatus.DEAD,
            "facts": (),
            "unread": (),
            "dropped": {},
            "error": told(error),
        }
        try:
            await self.handle([event.model_copy(update=changes)])
        except StoreError as refused:
            if fault_of(refused) is Fault.LANE:
                raise
            await self._kit.end_failed(event, step=STEP, error=refused)

    async def show_progress(self) -> None:
        """Bring the progress of runs up to date, at most one call in a while."""
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            moved, self._moved = self._moved, set()
            if moved:
                try:
                    await self._kit.store.note_progress(sorted(moved))
                except StoreError as error:
                    if fault_of(error) is Fault.LANE:
                        self._moved |= moved  # else one run may be to blame, and the next results tell again


def with_matters(results: Sequence[FactsExtracted]) -> list[tuple[FactsExtracted, list[str]]]:
    """Each result with one matter per fact, in the order of its facts: what `record_chunks` takes."""
    return [
        (result, [matter_of(fact.category, fact.statement) for fact in result.facts]) for result in results
    ]
