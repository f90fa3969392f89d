"""The consolidator: all chunks of a run in, its memory and sections out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from services.consolidator.document import MemoryScope, header_tokens, render_memory, scope_of
from services.consolidator.recalling import RecalledWriting, RecallingStore
from services.consolidator.reduction import Reduction, ReductionPolicy
from services.consolidator.settling.groups import Settlement, settle_pages
from services.consolidator.settling.settle import CLUSTERS
from shared.domain.errors import StoreError
from shared.domain.events import Coverage, FactCounts, MemoryReady, Sections, Usage
from shared.domain.facts import SettledFact
from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.english.foreign import foreign_languages
from shared.english.likely import is_likely
from shared.models.base import Digest, Metered, Model, Writes
from shared.store.facts import FactKey, FactUpdate, StoredFact
from shared.store.leases import Claim
from shared.store.runs import Joined, RunReport


class ConsolidatorStore(RecallingStore, Protocol):
    """What consolidation asks of the store; `shared.store.store.Store` documents each."""

    async def claim_run(self, import_id: UUID, run: int, owner: str, lease_seconds: float) -> Claim: ...

    async def renew_run(self, import_id: UUID, run: int, owner: str, lease_seconds: float) -> bool: ...

    async def read_facts(
        self, import_id: UUID, run: int, after: FactKey | None = None, limit: int = 1000
    ) -> Sequence[StoredFact]: ...

    async def settle_facts(self, import_id: UUID, run: int, updates: Sequence[FactUpdate]) -> int: ...

    async def read_joined(self, import_id: UUID, run: int, sample_size: int) -> Joined | None: ...

    async def read_run(self, import_id: UUID, run: int) -> RunReport | None: ...


@dataclass(frozen=True, slots=True)
class ConsolidationPolicy:
    """Sizes and limits of consolidation."""

    memory_tokens: int = 6000
    """Most tokens of the MEMORY document, its header included."""
    min_coverage: float = 0.95
    """Below it no memory is written: the run is going to fail, and no model is called for it."""
    lease_seconds: float = 60.0
    page: int = 250
    """Facts read at a time: few, since a page is held as JSON and as facts at once."""
    open_statements: int = CLUSTERS
    """Most different statements of one matter compared at a time."""
    sample_size: int = 200
    """Most conversations that sections are written from."""


async def consolidate(
    key: RunKey, owner: str, store: ConsolidatorStore, model: Model, policy: ConsolidationPolicy
) -> MemoryReady | None:
    """Claim a complete run, settle its facts and write its memory.

    None if the run cannot be claimed or the lease was lost to another owner on the way: that owner does it
    all anew. Nothing is published or committed here; repeating it gives the same result byte for byte.
    """
    claim = await store.claim_run(*key, owner, policy.lease_seconds)
    if not claim.claimed:
        return None
    return await _Consolidation(key, owner, store, model, policy).finish(claim.edition)


class _LeaseLostError(Exception):
    """Another owner has taken the run over."""


class _Consolidation:
    """One claimed run on its way to its memory."""

    def __init__(
        self, key: RunKey, owner: str, store: ConsolidatorStore, model: Model, policy: ConsolidationPolicy
    ) -> None:
        self._key = key
        self._owner = owner
        self._store = store
        self._model = model
        self._writer: Writes = model
        self._policy = policy
        self._settlement = Settlement()
        self._days: tuple[date, date] | None = None
        self._unsure = 0
        self._renewed = time.monotonic()

    async def finish(self, edition: int) -> MemoryReady | None:
        report = await self._store.read_run(*self._key)
        joined = await self._store.read_joined(*self._key, self._policy.sample_size)
        if report is None or joined is None:
            raise StoreError(
                f"run {self._key.run} of import {self._key.import_id} has vanished while claimed"
            )
        if isinstance(self._model, Metered):
            self._writer = RecalledWriting(self._model, self._store, report.user_id, self._key)
        coverage = Coverage(
            ok=report.chunks_ok,
            dead=report.chunks_dead,
            total=report.chunks_total or 0,
            breaks=len(report.breaks),
        )
        readable = coverage.share >= self._policy.min_coverage
        try:
            digest = await self._digest(joined.newest) if readable else None
            scope = scope_of(joined.parts, self._settlement.kept, *(self._days or (None, None)))
            scope = replace(
                scope,
                languages=tuple(foreign_languages(joined.sample)) if scope.unread else (),
                unsure=self._unsure,
                budget=self._policy.memory_tokens,
            )
            memory, sections, usage = await self._write(digest, scope, joined.sample)
        except _LeaseLostError:
            return None
        return MemoryReady(
            import_id=self._key.import_id,
            user_id=report.user_id,
            run=self._key.run,
            pipeline=report.pipeline,
            memory_md=memory,
            sections=sections,
            coverage=coverage,
            facts=self._counts(report),
            # of a memory that was made before and not wanted, too
            usage=(report.committed_usage or report.extraction_usage) + usage,
            edition=edition,
        )

    async def _digest(self, newest: datetime | None) -> Digest:
        """Settle every fact, write what changed, and reduce as it goes."""
        reduction = Reduction(self._writer, ReductionPolicy(self._policy.memory_tokens))
        pages = settle_pages(
            self._read,
            self._policy.page,
            self._settlement,
            self._policy.open_statements,
            newest.date() if newest is not None else None,
        )
        async for settled in pages:
            if updates := self._settlement.take():
                await self._store.settle_facts(*self._key, updates)
            self._span(settled)
            sure = [fact for fact in settled if is_likely(fact, self._model.sure_from)]
            self._unsure += len(settled) - len(sure)
            await reduction.add(sure)
            await self._hold_lease()
        digest = await reduction.finish()
        await self._hold_lease()
        return digest

    async def _write(
        self, digest: Digest | None, scope: MemoryScope, sample: Sequence[SampleConversation]
    ) -> tuple[str, Sections, Usage]:
        if digest is None:
            return render_memory("", scope), Sections(), Usage()
        budget = max(self._policy.memory_tokens - header_tokens(scope), 0)
        body, memory_usage = await self._writer.memory(digest, budget) if digest.facts else ("", Usage())
        await self._hold_lease()
        sections, section_usage = await self._writer.sections(digest, sample)
        await self._hold_lease()
        return render_memory(body, scope), sections, digest.usage + memory_usage + section_usage

    async def _read(self, after: FactKey | None, limit: int) -> Sequence[StoredFact]:
        return await self._store.read_facts(*self._key, after, limit)

    async def _hold_lease(self) -> None:
        """Prolong the lease once a third of it is gone. Raises _LeaseLostError if it is another's."""
        if time.monotonic() - self._renewed < self._policy.lease_seconds / 3:
            return
        if not await self._store.renew_run(*self._key, self._owner, self._policy.lease_seconds):
            raise _LeaseLostError
        self._renewed = time.monotonic()

    def _span(self, settled: Sequence[SettledFact]) -> None:
        days = [fact.stated_at.date() for fact in settled if fact.stated_at is not None]
        if days:
            known = self._days or (days[0], days[0])
            self._days = min(known[0], *days), max(known[1], *days)

    def _counts(self, report: RunReport) -> FactCounts:
        settled = self._settlement
        return FactCounts(
            extracted=report.facts_extracted,
            dropped_ungrounded=sum(report.dropped.values()),
            merged=settled.merged,
            kept=settled.kept,
            superseded=settled.superseded,
        )
