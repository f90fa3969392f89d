"""`soulprint run`: the services over a log in memory, for one export, on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from prometheus_client import CollectorRegistry

from services.chunker.configured import sizes_of
from services.chunker.stage import STEP as CHUNKING
from shared.domain.errors import (
    CostLimitError,
    ModelUnavailableError,
    SoulprintError,
    UnreadableExportError,
    UsageError,
)
from shared.domain.events import Usage
from shared.domain.ids import user_id_for
from shared.domain.runs import RunKey
from shared.logs import configure_logs
from shared.models.base import Metered, Model
from shared.models.open import opened_model
from shared.requests.accept import Terms, accept
from shared.requests.request import Request, local_request
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from shared.store.runs import COMPLETE, ENDED, UNSERVED, RunReport
from shared.store.store import Store
from soulprint import outputs
from soulprint.driving import drive
from soulprint.ending import exit_code
from soulprint.facts import listed_facts
from soulprint.interrupts import Interrupts, interruptible
from soulprint.naming import note_name, typed_name
from soulprint.report import build_report, peak_rss, stage_seconds
from soulprint.spending import Spending
from soulprint.terminal import say_fitted, say_json, standard_error
from soulprint.unwritten import Unwritten

WINDOW = 100_000
"""Most chunks of the run in flight, where IMPORT_WINDOW is not set: there is no other import to be fair to,
and the log in memory lets few in at a time."""
GOES_ON = "Nothing is lost: the same command goes on later from where it stopped"
STOPPED = "stopped. The same command goes on where it stopped."
NOT_WRITTEN = (
    "stopped. The run is complete and the memory stored, but not its files: the same command writes them."
)


def run_command(
    exports: Sequence[Path],
    user: str,
    out: Path,
    settings: Settings,
    *,
    max_cost: float | None,
    replace: bool = False,
    lineage: str | None = None,
    force: bool,
    as_json: bool,
) -> int:
    """Run, show the progress, print the result. Answers the exit code."""
    if "log_level" not in settings.model_fields_set:
        configure_logs("critical")  # the progress, the last line and report.json say it for people
    report = interruptible(
        lambda interrupts: run_into(
            out,
            exports,
            user,
            settings,
            max_cost=max_cost,
            replace=replace,
            lineage=lineage,
            force=force,
            interrupts=interrupts,
        )
    )
    if as_json:
        say_json(report, indent=True)
    else:
        say_fitted(*outputs.summary(report, out))
        if report.get("embeddings"):
            from soulprint.embedding import told

            say_fitted(*told(report["embeddings"]))
    return exit_code(report["status"], len(report["breaks"]))


def run_settings(model: str | None, *, batch: bool) -> Settings:
    """The settings with what the command line says put over them. Raises UsageError."""
    given: dict[str, object] = {} if model is None else {"model": model}
    settings = load_settings(**given, **({"model_batch": True} if batch else {}))
    if batch and settings.model != "claude":
        raise UsageError("--batch needs --model claude: other models have no Message Batches")
    return settings


async def run_into(
    out: Path,
    exports: Sequence[Path],
    user: str,
    settings: Settings,
    *,
    max_cost: float | None,
    replace: bool = False,
    lineage: str | None = None,
    force: bool = False,
    interrupts: Interrupts | None = None,
) -> dict[str, Any]:
    """Read exports, as one, into the store and write the memory to `out`. Answers the content of report.json;
    where passages are embedded then, with what that gave as `embeddings`.

    `interrupts` are given where the process is ours: it shows progress, and has the garbage collector look
    less often. `replace`: the memory is served even if it loses much. `lineage`: see `Request`. `force` lets
    files in `out` that we did not write be replaced. Raises SoulprintError; the run is then noted as failed,
    or goes on when it is run again.
    """
    outputs.prepare(out, force=force)
    settings = _own(settings, exports)
    request = await asyncio.to_thread(local_request, exports, user_id_for(user), settings, lineage)
    async with (
        opened_model(settings, max_cost=max_cost) as model,
        opened_store(settings) as store,
        store.lock_user(request.user_id, typed_name(user)),
    ):
        await note_name(store, request.user_id, user)
        if settings.embeddings_url:
            from soulprint.embedding import check_model  # an HTTP client is 10 MB

            await check_model(store, settings)
        return await _Run(request, settings, store, model, interrupts, replace).run(out, force=force)


def _own(settings: Settings, exports: Sequence[Path]) -> Settings:
    """The settings of services that work for this command alone."""
    changes: dict[str, Any] = {"import_roots": tuple({path.resolve().parent for path in exports})}
    if "import_window" not in settings.model_fields_set:
        changes["import_window"] = WINDOW
    return settings.model_copy(update=changes)


class _Ended(NamedTuple):
    """A run that has ended."""

    key: RunKey
    spending: Spending
    served_before: RunKey | None
    """Whose memory was served when it began, as far as that is known."""


@dataclass(slots=True)
class _Run:
    """One run, from its request to the files."""

    request: Request
    settings: Settings
    store: Store
    model: Model
    interrupts: Interrupts | None
    replace: bool
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def run(self, out: Path, *, force: bool) -> dict[str, Any]:
        """The content of report.json. Raises SoulprintError."""
        began = asyncio.get_running_loop().time()
        interrupts = self.interrupts or Interrupts()
        interrupts.words = STOPPED
        unwritten = Unwritten(self.settings.home, self.request.import_id)
        key, spending, before = await self._unwritten_one(unwritten.run()) or await self._made(
            unwritten, interrupts
        )
        with interrupts.held(NOT_WRITTEN):
            spending.forget()
            report = await self._report(key)
            _require_ended(report)
            seconds = stage_seconds(self.registry)
            with outputs.staged(out, force=force) as folder:
                if report.state in (COMPLETE, UNSERVED):
                    await self._write_result(folder, key)
                seconds["total"] = asyncio.get_running_loop().time() - began
                dead = await self.store.read_dead_chunks(*key) if report.chunks_dead else ()
                of_user = next(iter(await self.store.read_usage(self.request.user_id)), None)
                sample = await self.store.read_sample(*key) if report.unread_conversations else ()
                content = build_report(
                    report,
                    seconds,
                    peak_rss(),
                    dead,
                    spending.fallbacks,
                    of_user,
                    before,
                    sample,
                    spending.refused,
                )
                outputs.write_report(folder, content)
            if not self.settings.embeddings_url:
                interrupts.over()
            unwritten.forget()
        if self.settings.embeddings_url:
            content["embeddings"] = await self._embedded(interrupts)
            interrupts.over()
        return content

    async def _embedded(self, interrupts: Interrupts) -> dict[str, Any]:
        """What embedding the user's passages gave, which a signal stops."""
        from soulprint.embedding import STOPPED_EMBEDDING, embed_passages

        interrupts.words = STOPPED_EMBEDDING
        if interrupts.number:  # it was told to stop while files were written
            raise asyncio.CancelledError
        stream = None if self.interrupts is None else standard_error()
        return await embed_passages(self.store, self.settings, self.request.user_id, stream=stream)

    async def _unwritten_one(self, run: int | None) -> _Ended | None:
        """The run that ended without its files, if it is what this command would make again."""
        if run is None:
            return None
        key = RunKey(self.request.import_id, run)
        report = await self.store.read_run(*key)
        if report is None or report.variant != self._variant() or report.state not in (COMPLETE, UNSERVED):
            return None
        spending = Spending(self.settings.home, key, self.model, report.extraction_usage)
        return _Ended(key, spending, served_before=None)

    async def _made(self, unwritten: Unwritten, interrupts: Interrupts) -> _Ended:
        """A run that has ended. Raises SoulprintError, or CancelledError if it was stopped before."""
        pipeline = self.settings.pipeline
        terms = Terms(pipeline, self._variant(), on_log=False, replace=self.replace)
        accepted = await accept(self.request, self.store, self.settings, terms)
        event, resumed, key = accepted.event, accepted.run.resumed, accepted.key
        unwritten.note(key)
        before = await self._report(key)
        spending = Spending(self.settings.home, key, self.model, before.extraction_usage)
        if isinstance(self.model, Metered):
            self.model.count_in(spending.total)
        try:
            await drive(
                event,
                resumed=resumed,
                settings=self.settings,
                store=self.store,
                model=self.model,
                registry=self.registry,
                spent=lambda recorded: spending.total if isinstance(self.model, Metered) else recorded,
                command=self.interrupts is not None,
            )
        except (CostLimitError, ModelUnavailableError) as error:
            spending.carry(await self._recorded(key))
            raise type(error)(f"{error}. {GOES_ON}") from None
        except SoulprintError as error:
            with suppress(SoulprintError):  # the first error is the one to tell
                await self.store.fail_run(*key, step="run", error=str(error))
            raise
        except asyncio.CancelledError:
            with suppress(SoulprintError), interrupts.unheard():
                await self.store.note_progress([key])  # waits for a commit that is under way without us
                report = await self._report(key)
                if report.state in ENDED and interrupts.forgive():
                    return _Ended(
                        key, spending, before.served
                    )  # it had ended: its files are all that is missing
                spending.carry(report.extraction_usage)
            raise
        return _Ended(key, spending, before.served)

    def _variant(self) -> str:
        """What the chunks and facts of a run depend on besides the export."""
        model = {"model": self.model.name, "prompt_version": self.model.prompt_version}
        return orjson.dumps({**sizes_of(self.settings), **model}).decode()

    async def _recorded(self, key: RunKey) -> Usage:
        """What the run's recorded chunks cost."""
        return (await self._report(key)).extraction_usage

    async def _report(self, key: RunKey) -> RunReport:
        report = await self.store.read_run(*key)
        if report is None:
            raise SoulprintError(f"run {key.run} of import {key.import_id} has vanished from the database")
        return report

    async def _write_result(self, folder: Path, key: RunKey) -> None:
        documents = await self.store.read_documents(*key)  # its own, whatever is served
        if documents is not None:
            outputs.write_documents(folder, documents)
        await outputs.write_facts(folder, self._fact_lines(key))

    async def _fact_lines(self, key: RunKey) -> AsyncIterator[bytes]:
        async for fact in listed_facts(self.store, self.request.user_id, key):
            yield outputs.fact_line(fact)


def _require_ended(report: RunReport) -> None:
    """Raises UnreadableExportError for an export of which nothing could be read, which is the person's to
    mend, and SoulprintError for a run that somebody cancelled."""
    if report.state == "cancelled":
        raise SoulprintError(f"run {report.run} was cancelled; the same command begins the next one")
    if report.state == "failed" and report.error is not None and report.error["step"] == CHUNKING:
        raise UnreadableExportError(report.error["message"])
