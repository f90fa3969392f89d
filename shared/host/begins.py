"""Imports that kill who reads them: what is begun again and again without an end is given up, and not what
was beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from uuid import uuid4

import structlog

from shared.domain.errors import UnreadableExportError
from shared.domain.events import ImportReceived
from shared.host.service import Kit, parting
from shared.resilience.faults import PoisonError
from shared.store.driving import Taken

BEGINS: Final = 10
"""How many processes may have begun a run without coming further: each died with it in work."""
SUSPECT: Final = 3
"""More than so many may be the run's doing, or that of another beside it. So such runs are in work one at a
time: of who dies then, only one was the cause."""

NOT_OURS: Final = frozenset({"foreign", "elsewhere"})
"""Refusals of take_run that say that the event is wrong, not late."""

log = structlog.get_logger(__name__)


def is_not_ours(error: Exception) -> bool:
    """Whether an event was refused for what it is: nothing of the import that it names is to be ended."""
    return isinstance(error, PoisonError) and error.reason in NOT_OURS


class Begins:
    """Runs that this process takes, and leaves."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._taker = uuid4().hex
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, event: ImportReceived, variant: str) -> AsyncIterator[Taken]:
        """The run of an event, in work for the block unless it is refused. Raises UnreadableExportError if it
        was begun too often, PoisonError if the event is wrong."""
        async with AsyncExitStack() as held:
            taken = await self._take(event, variant, held)
            if SUSPECT < taken.begins <= BEGINS and self._kit.only is None:
                await held.aclose()
                log.warning("an import is begun alone", begins=taken.begins, **event.ids)
                await held.enter_async_context(self._alone)
                taken = await self._take(event, variant, held)
            if taken.begins > BEGINS and self._kit.only is None:
                raise UnreadableExportError(
                    f"its reading was begun {BEGINS} times, came no further, and each time the process that "
                    "had it in work died; see why, then replay the import"
                )
            if taken.refusal in NOT_OURS:
                raise PoisonError(str(taken.refusal), "the import is another user's, or another's to process")
            yield taken

    async def _take(self, event: ImportReceived, variant: str, held: AsyncExitStack) -> Taken:
        """Take it, to be left however that ends: where no answer came, it may be taken all the same."""
        kit = self._kit
        held.push_async_callback(self._leave, event)
        return await kit.store.take_run(
            event,
            kit.settings.pipeline,
            variant,
            on_log=kit.only is None,
            profile_format=kit.settings.profile_format,
            taker=self._taker,
        )

    async def _leave(self, event: ImportReceived) -> None:
        async with parting():
            await self._kit.store.leave_run(event.import_id, event.run, self._taker)
