"""`soulprint run --dry-run`: what a run will take, before any call is made and anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from services.chunker.chunking import ChunkingJob, chunk_export
from services.chunker.configured import chunk_policy, require_something_read
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport
from shared.domain.dollars import dollars, dollars_of
from shared.domain.events import ChunkReady, Usage
from shared.domain.ids import import_id, user_id_for
from shared.domain.plurals import counted
from shared.exports.export import open_exports
from shared.exports.limits import read_limits
from shared.models.base import BatchModel, Findings, Metered, Model, Outlook
from shared.models.open import opened_model
from shared.settings import Settings
from shared.store.open import opened_store
from shared.store.store import Store
from soulprint.interrupts import interruptible
from soulprint.terminal import say, say_fitted, say_json

LOOK_UP = 64
"""Most chunks one look-up in the cache asks for."""
NO_KEY = SecretStr("none")
"""Stands for a key that is not set: an estimate sends nothing."""
STOPPED = "stopped. Nothing was sent and nothing was stored."


def estimate_command(
    exports: Sequence[Path], user: str, settings: Settings, *, max_cost: float | None, as_json: bool
) -> int:
    """Estimate and print. Answers 1 if the run would likely pass `max_cost`, else 0."""
    if settings.model == "claude" and settings.anthropic_api_key is None:
        settings = settings.model_copy(update={"anthropic_api_key": NO_KEY})
    estimate = interruptible(lambda _: _estimate(exports, user_id_for(user), settings), STOPPED)
    cost = estimate["cost"]
    allowed = max_cost is None or (cost is not None and cost <= max_cost)
    if as_json:
        say_json({**estimate, "within_max_cost": allowed}, indent=True)
    else:
        say_fitted(*_told(estimate))
        if max_cost is not None and (words := _against(max_cost, estimate)):
            say(words)
    return 0 if allowed else 1


async def _estimate(paths: Sequence[Path], user_id: UUID, settings: Settings) -> dict[str, Any]:
    with open_exports(paths, read_limits(settings)) as export:
        async with opened_model(settings) as model, opened_store(settings) as store:
            reckoning = _Reckoning(user_id, store, model)
            job = ChunkingJob(import_id(user_id, export.fingerprint), user_id, 1, settings.pipeline)
            report = ChunkingReport()
            policy = chunk_policy(settings)
            await chunk_export(export, job, policy, reckoning, report)
            require_something_read(report)
            await reckoning.look_up()
            batch = settings.model_batch and isinstance(model, BatchModel)
            outlook = reckoning.extracting
            if batch and isinstance(model, BatchModel):
                outlook = _cheaper(outlook, model.batch_factor)
            if isinstance(model, Metered):
                writing = model.outlook_writing(reckoning.found, settings.memory_tokens)
                if not reckoning.asked:  # as a rule exactly the same was written before, and is recalled
                    writing = Outlook(most=writing.most)
                outlook += writing
            usage = outlook.likely
            return {
                "model": model.name,
                "batch": batch,
                "conversations": report.kept,
                "chunks": {
                    "total": reckoning.chunks,
                    "cached": reckoning.cached,
                    "without_a_call": reckoning.chunks - reckoning.cached - reckoning.asked,
                    "to_read": reckoning.asked,
                },
                "calls": usage.calls,
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "cost": usage.cost,
                "least": _figures(outlook.least),
                "most": _figures(outlook.most),
            }


def _figures(usage: Usage) -> dict[str, Any]:
    return usage.model_dump(include={"input_tokens", "output_tokens", "cost"})


def _cheaper(outlook: Outlook, factor: float) -> Outlook:
    """The same by batches."""
    least, likely, most = (
        each.model_copy(update={"cost": None if each.cost is None else each.cost * factor})
        for each in (outlook.least, outlook.likely, outlook.most)
    )
    return Outlook(least, likely, most)


@dataclass(slots=True)
class _Reckoning:
    """The chunker's sink: counts chunks, asks the cache for them, adds up what the others will take."""

    user_id: UUID
    store: Store
    model: Model
    chunks: int = 0
    cached: int = 0
    asked: int = 0
    """Chunks that the model will read."""
    extracting: Outlook = field(default_factory=Outlook)
    found: Findings = field(default_factory=Findings)
    _waiting: list[ChunkReady] = field(default_factory=list)

    async def save_passages(self, passages: list[Passage]) -> None:
        """An estimate stores nothing."""

    async def publish(self, chunk: ChunkReady) -> None:
        """Take one chunk."""
        self.chunks += 1
        self._waiting.append(chunk)
        if len(self._waiting) == LOOK_UP:
            await self.look_up()

    async def look_up(self) -> None:
        """Reckon what is waiting."""
        waiting, self._waiting = self._waiting, []
        known = await self.store.cached_hashes(
            self.user_id,
            self.model.name,
            self.model.prompt_version,
            [chunk.content_hash for chunk in waiting],
        )
        for chunk in waiting:
            if isinstance(self.model, Metered):
                self.found += self.model.findings(chunk)
            if chunk.content_hash in known:
                self.cached += 1
            elif chunk.has_own_words:
                self.asked += 1
                if isinstance(self.model, Metered):
                    self.extracting += self.model.outlook(chunk)


def _told(estimate: Mapping[str, Any]) -> list[str]:
    chunks, cost = estimate["chunks"], estimate["cost"]
    least, most = estimate["least"], estimate["most"]
    price = f"no price is known for {estimate['model']}" if cost is None else f"likely {dollars(cost)}"
    lines = [
        f"{counted(estimate['conversations'], 'conversation')} in {counted(chunks['total'], 'chunk')}: "
        f"{chunks['cached']:,} read before, {chunks['without_a_call']:,} with nothing of the person, "
        f"{chunks['to_read']:,} to read",
        f"about {counted(estimate['calls'], 'call')} of {estimate['model']}"
        f"{' (extraction by batches)' if estimate['batch'] else ''}, "
        f"{counted(estimate['input_tokens'], 'token')} in, {estimate['output_tokens']:,} out: {price}",
    ]
    if most["output_tokens"]:
        between = f"{least['output_tokens']:,} to {most['output_tokens']:,} tokens out"
        if cost is not None:
            between = f"{dollars(least['cost'])} to {dollars(most['cost'])}, {between}"
        lines.append(f"by how many facts there are: {between}")
    return [*lines, "nothing was sent and nothing was stored"]


def _against(limit: float, estimate: Mapping[str, Any]) -> str:
    """What a limit on cost means for the run; empty where it is not met."""
    cost, most = estimate["cost"], estimate["most"]["cost"]
    if cost is None:
        return "with a limit on cost it does not begin, as no price is known"
    if cost > limit:
        return f"that likely passes the limit of {dollars_of(limit)}"
    if most > limit:
        return f"that may pass the limit of {dollars_of(limit)}: it would stop there, and keep what it bought"
    return ""
