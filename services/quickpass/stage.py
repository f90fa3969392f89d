"""One import on the first pipeline: its run taken, its sections made here or elsewhere, its end told."""

from __future__ import annotations

import structlog

from services.quickpass.backend import Backend
from services.quickpass.builtin import Builtin, RunEndedError
from shared.domain.errors import BrokenExportError, ClosedSourceError, SourceError, UnreadableExportError
from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey, RunKind
from shared.exports.readers import Readers
from shared.host.begins import Begins, is_not_ours
from shared.host.service import Kit
from shared.host.sources import Singly
from shared.host.sweeper import publish_kept
from shared.models.base import Model

STEP = "sampling"
BUILTIN, HTTP = "builtin", "http"
"""The variants of a run: who makes its sections."""

log = structlog.get_logger(__name__)


class QuickImports:
    """Imports that this process gives first sections."""

    def __init__(self, kit: Kit, readers: Readers, model: Model, backend: Backend) -> None:
        self._kit = kit
        self._builtin = Builtin(kit, readers, model)
        self._backend = backend
        self._begins = Begins(kit)
        self._singly = Singly()

    async def handle(self, event: ImportReceived) -> None:
        """Make the sections of an import, and publish them; or have the predecessor called for it. An export
        that cannot be read ends its run as failed. An event that comes twice waits for the first to end."""
        async with self._singly.on(RunKey(event.import_id, event.run)):
            await self._import(event)

    async def give_up(self, event: ImportReceived | None, error: Exception) -> None:
        """A dead import ends as failed, unless the event was none of its own."""
        if event is None or is_not_ours(error):
            return
        await self._kit.end_failed(event, step=STEP, error=error)

    async def _import(self, event: ImportReceived) -> None:
        kit, key = self._kit, RunKey(event.import_id, event.run)
        try:
            async with self._begins.taken(event, self._variant(event)) as taken:
                if taken.refusal == "extracted" and await publish_kept(kit, key):
                    return  # made before, and then we were interrupted
                if taken.refusal is not None:
                    kit.ignore(event, taken.refusal)
                    return
                elsewhere = taken.variant == HTTP and taken.kind is not RunKind.QUICK
                await (self._backend.take(event) if elsewhere else self._builtin.work(event))
        except (SourceError, UnreadableExportError, BrokenExportError) as error:
            log.error("import failed", step=STEP, error=str(error), **event.ids)
            at_fault = not isinstance(error, ClosedSourceError)
            await kit.store.fail_run(*key, step=STEP, error=str(error), at_fault=at_fault)
        except RunEndedError:
            kit.ignore(event, "ended")

    def _variant(self, event: ImportReceived) -> str:
        """First sections beside a run at work are always our own: the predecessor would take its passages
        away."""
        return BUILTIN if event.kind is RunKind.QUICK else self._kit.settings.v1_backend
