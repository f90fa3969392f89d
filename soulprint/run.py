"""`soulprint run`: the main job on one machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import typer

from services.chunker.chunker import ChunkingJob
from services.chunker.configured import chunk_policy, counts_of, require_something_read
from services.consolidator.consolidate import ConsolidationPolicy, consolidate
from services.writer.writer import write_memory
from shared.domain.errors import CostLimitError, ModelUnavailableError, SoulprintError, UsageError
from shared.domain.events import Usage
from shared.domain.ids import import_id, user_id_for
from shared.domain.runs import RunKey
from shared.exports.export import Export, open_export
from shared.exports.limits import read_limits
from shared.heap import settle_garbage
from shared.models.base import Metered, Model
from shared.models.ledger import FileLedger
from shared.models.open import opened_model, provider_of
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from shared.store.records import BegunRun, Chunking, RunReport
from shared.store.store import Store
from soulprint import outputs
from soulprint.facts import listed_facts
from soulprint.progress import RunProgress, shown
from soulprint.report import build_report, peak_rss
from soulprint.runner import Pipeline
from soulprint.spending import Spending
from soulprint.stages import Clock

PIPELINE = "v2"
COMPLETE = "complete"
ALL_CHUNKS = 10**9
OWNER = "soulprint run"
"""Who holds the lease: the user's lock keeps a second run away, so one name serves all."""
GOES_ON = "Nothing is lost: the same command goes on later from where it stopped"


def run_command(
    export: Path, user: str, out: Path, settings: Settings, *, max_cost: float | None, as_json: bool
) -> int:
    """Run, show the progress, print the result. Answers the exit code."""
    outputs.prepare(out)
    report = asyncio.run(_run(export, user_id_for(user), out, settings, max_cost))
    if as_json:
        typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    else:
        typer.echo(outputs.summary(report, out))
    return 0 if report["status"] == COMPLETE else 1


def run_settings(model: str | None, *, batch: bool) -> Settings:
    """The settings with what the command line says put over them. Raises UsageError."""
    given: dict[str, object] = {} if model is None else {"model": model}
    settings = load_settings(**given, **({"model_batch": True} if batch else {}))
    if batch and settings.model != "claude":
        raise UsageError("--batch needs --model claude: other models have no Message Batches")
    return settings


async def _run(
    path: Path, user_id: UUID, out: Path, settings: Settings, max_cost: float | None
) -> dict[str, Any]:
    with open_export(path, read_limits(settings)) as export:
        async with (
            opened_model(settings, max_cost=max_cost) as model,
            opened_store(settings) as store,
            store.lock_user(user_id),
        ):
            return await _Run(export, path, user_id, settings, store, model, Clock()).run(out)


@dataclass(slots=True)
class _Run:
    """One run, from the first byte to the files."""

    export: Export
    path: Path
    user_id: UUID
    settings: Settings
    store: Store
    model: Model
    clock: Clock

    async def run(self, out: Path) -> dict[str, Any]:
        """The content of report.json. Raises SoulprintError; the run is then noted as failed."""
        begun_at = asyncio.get_running_loop().time()
        key_id = import_id(self.user_id, self.export.fingerprint)
        begun = await self.store.begin_run(
            key_id,
            self.user_id,
            source=str(self.path),
            pipeline=PIPELINE,
            variant=self._variant(),
            requested_at=datetime.now(UTC),
        )
        key = RunKey(key_id, begun.run)
        spending = Spending(self.settings.home, key, self.model, await self._recorded(key))
        if isinstance(self.model, Metered):
            self.model.count_in(spending.total)
        try:
            if not _is_extracted(begun):
                await self._extract(key)
            await self._consolidate(key, spending)
        except (CostLimitError, ModelUnavailableError) as error:
            spending.carry(await self._recorded(key))
            raise type(error)(f"{error}. {GOES_ON}") from None
        except SoulprintError as error:
            await self.store.fail_run(*key, step="run", error=str(error))
            raise
        except asyncio.CancelledError:
            with suppress(SoulprintError):
                spending.carry(await self._recorded(key))
            raise
        spending.forget()
        report = await self._report(key)
        with self.clock.time("writing files"), outputs.staged(out, self.user_id) as folder:
            if report.state == COMPLETE:
                await self._write_result(folder, key)
            self.clock.seconds["total"] = asyncio.get_running_loop().time() - begun_at
            dead = await self.store.read_dead_chunks(*key) if report.chunks_dead else ()
            of_user = next(iter(await self.store.read_usage(self.user_id)), None)
            content = build_report(report, self.clock.seconds, peak_rss(), dead, spending.fallbacks, of_user)
            outputs.write_report(folder, content)
        return content

    def _variant(self) -> str:
        """What the chunks and facts of a run depend on besides the export."""
        model, settings = self.model, self.settings
        parts = (model.name, model.prompt_version, settings.chunk_tokens, settings.context_chars)
        return blake2b(repr(parts).encode(), digest_size=8).hexdigest()

    async def _extract(self, key: RunKey) -> None:
        settings = self.settings
        progress = RunProgress(bytes_total=self.export.bytes_total)
        pipeline = Pipeline(
            job=ChunkingJob(key.import_id, self.user_id, key.run, PIPELINE),
            export=self.export,
            store=self.store,
            model=self.model,
            policy=chunk_policy(settings),
            extract_ceiling=self.model.ceiling,
            progress=progress,
            clock=self.clock,
            ledger=self._ledger(),
            dead=frozenset(chunk.index for chunk in await self.store.read_dead_chunks(*key, ALL_CHUNKS)),
        )
        async with shown(progress, pipeline.refresh):
            settle_garbage()
            await pipeline.process()
        reading = pipeline.report
        require_something_read(reading, len(self.export.breaks))
        await self.store.finish_chunking(
            *key,
            Chunking(
                total=reading.chunks,
                counts=counts_of(reading, self.export.format_names),
                sample=reading.sample,
                superseded=reading.superseded,
                breaks=[asdict(each) for each in self.export.breaks],
                forgotten=sorted(reading.forgotten),
            ),
        )

    async def _consolidate(self, key: RunKey, spending: Spending) -> None:
        policy = ConsolidationPolicy(
            memory_tokens=self.settings.memory_tokens,
            min_coverage=self.settings.min_coverage,
            lease_seconds=self.settings.lease_seconds,
        )
        with self.clock.time("consolidating"):
            memory = await consolidate(key, OWNER, self.store, self.model, policy)
        if memory is None:
            raise SoulprintError(f"run {key.run} of import {key.import_id} is being consolidated elsewhere")
        if isinstance(self.model, Metered):
            memory = memory.model_copy(update={"usage": spending.total})
        with self.clock.time("committing"):
            await write_memory(memory, self.store, self.settings.min_coverage)

    async def _recorded(self, key: RunKey) -> Usage:
        """What the run's recorded chunks cost."""
        return (await self._report(key)).extraction_usage

    def _ledger(self) -> FileLedger | None:
        """Where batches are remembered over crashes: by user and provider."""
        settings = self.settings
        if settings.model != "claude" or not settings.model_batch:
            return None
        return FileLedger(settings.home / "batches" / f"{self.user_id}-{provider_of(settings)}.json")

    async def _report(self, key: RunKey) -> RunReport:
        report = await self.store.read_run(*key)
        if report is None:
            raise SoulprintError(f"run {key.run} of import {key.import_id} has vanished from the database")
        return report

    async def _write_result(self, folder: Path, key: RunKey) -> None:
        profile = await self.store.read_profile(self.user_id)
        if profile is not None:
            outputs.write_documents(folder, profile)
        await outputs.write_facts(folder, self._fact_lines(key))

    async def _fact_lines(self, key: RunKey) -> AsyncIterator[bytes]:
        async for fact in listed_facts(self.store, self.user_id, key):
            yield outputs.fact_line(fact)


def _is_extracted(begun: BegunRun) -> bool:
    """True if a run that was interrupted had all its chunks in."""
    return begun.chunks_total is not None and begun.chunks_ok + begun.chunks_dead >= begun.chunks_total
