"""Imports that a predecessor processes: called for once each, few at a time, and watched until they end.

It holds a whole export in memory, writes the profile itself and takes away all passages of the user first.
So a call is marked before it is made: who dies then leaves a run that is watched and never called for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import structlog

from shared.domain.errors import ClosedSourceError, StoreError
from shared.domain.events import ImportReceived
from shared.domain.sources import check_owner, local_paths
from shared.host.service import Kit
from shared.resilience.backoff import Backoff
from shared.resilience.faults import Fault, fault_of
from shared.store.v1_calls import V1Call

if TYPE_CHECKING:
    from services.quickpass.v1_call import Answer

ATTEMPTS: Final = 3
AGAIN = Backoff(base=10.0, cap=120.0, jitter=0.5)
"""Between attempts."""
LONGEST_WAIT: Final = 600.0
"""Seconds that we wait at most where the predecessor names a time."""
WATCH_SECONDS = 5.0
"""How often its profiles are looked at, and for places that another process has left."""
MOST_SECONDS = 2 * 3600.0
"""How long an import may take it."""
PARTING_SECONDS = 10.0
"""For the calls under way when the service is stopped."""
_STORE = Backoff(base=0.5, cap=15.0)

Post = Callable[[str, V1Call], Awaitable["Answer"]]

log = structlog.get_logger(__name__)


class Backend:
    """Calls the predecessor for imports that are due, and ends their runs as it ends them."""

    def __init__(self, kit: Kit) -> None:
        settings = kit.settings
        self._kit = kit
        # Where it is named no more, what is still due to it is refused, as by an address that is none: else
        # it would wait for ever.
        self._address = f"{settings.v1_backend_url or ''}{settings.v1_path}"
        self._at_once = settings.v1_concurrency
        self._token = uuid4()
        self._due = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()

    async def take(self, event: ImportReceived) -> None:
        """Have the predecessor called for an import, once however often it is asked. Raises SourceError for
        what it cannot read."""
        check_owner(event.source, event.user_id)
        if local_paths(event.source) is not None:
            raise ClosedSourceError(
                "source: the v1 backend reads storage alone, and this is a local file: upload it, or set "
                "V1_BACKEND=builtin"
            )
        await self._kit.store.owe_v1_call(
            event.import_id, event.run, event.conversation_count, event.message_count
        )
        self._due.set()

    async def run(self) -> None:
        """Call and watch until cancelled, or until nothing is left where we process imports ourselves. The
        calls under way are ended then, if the predecessor is quick."""
        try:
            while self._kit.settings.v1_backend == "http" or await self._left():
                self._due.clear()
                while await self._call_next():
                    pass
                await self._watch()
                with suppress(TimeoutError):
                    async with asyncio.timeout(WATCH_SECONDS):
                        await self._due.wait()
        finally:
            if self._calls:
                await asyncio.wait(self._calls, timeout=PARTING_SECONDS)
                for call in self._calls:
                    call.cancel()

    async def _left(self) -> bool:
        try:
            return await self._kit.store.has_v1_calls()
        except StoreError:
            return True

    async def _call_next(self) -> bool:
        """Begin the call that is due first; False if there is none, no place, or no database."""
        # An HTTP client is 10 MB. It is there before a call is marked: as little as can be lies between.
        from services.quickpass.v1_call import post

        token = self._token
        try:
            call = await self._kit.store.take_v1_call(token, self._at_once)
        except StoreError as error:
            log.warning("calls that are due cannot be read", stage=self._kit.name, error=str(error))
            return False
        if call is None:
            return False
        self._token = uuid4()  # whatever comes now, this token is not asked with again
        task = asyncio.create_task(self._made(post, self._address, call, token))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return True

    async def _made(self, post: Post, address: str, call: V1Call, token: UUID) -> None:
        answer = await post(address, call)
        told = {"stage": self._kit.name, "attempt": call.attempt, **_ids(call)}
        failures = 0
        while True:
            try:
                state = await self._settled(answer, call, token)
                break
            except StoreError as error:  # the answer is all that is known of it: wait for the database
                failures += 1
                log.warning("what became of a call cannot be noted", error=str(error), **told)
                if fault_of(error) is Fault.POISON:
                    return
                await asyncio.sleep(_STORE.delay(failures))
        self._kit.metrics.predecessor_calls.labels(answer.outcome).inc()
        if state == "failed":
            log.error("import failed", step="v1", error=answer.reason, **told)
        else:
            log.info("v1 backend called", outcome=answer.outcome, reason=answer.reason, **told)
        self._due.set()

    async def _settled(self, answer: Answer, call: V1Call, token: UUID) -> str | None:
        wait = max(AGAIN.delay(call.attempt), min(answer.retry_after or 0.0, LONGEST_WAIT))
        return await self._kit.store.settle_v1_call(
            token, answer.outcome, answer.reason, again_in=wait, most=ATTEMPTS
        )

    async def _watch(self) -> None:
        try:
            ended = await self._kit.store.watch_v1_calls(MOST_SECONDS)
        except StoreError as error:
            log.warning("the v1 backend cannot be watched", stage=self._kit.name, error=str(error))
            return
        for each in ended:
            if each.outcome != "dropped":
                self._kit.metrics.predecessor_calls.labels(each.outcome).inc()
            ids = {"import_id": str(each.import_id), "user_id": str(each.user_id), "run": each.run}
            say = log.info if each.outcome in ("complete", "dropped") else log.error
            say("v1 backend ended", stage=self._kit.name, outcome=each.outcome, **ids)
        if ended:
            self._due.set()


def _ids(call: V1Call) -> dict[str, object]:
    return {"import_id": str(call.import_id), "user_id": str(call.user_id), "run": call.run}
