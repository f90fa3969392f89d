"""Tells the app of imports whose memory is served: each once, whatever dies or fails on the way.

The commit leaves a call that is due; whoever makes it marks it first. So it is never made twice, and one is
lost only with a process that dies between the mark and the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

import structlog

from services.writer.app_call import Answer, Outcome, tell_app
from shared.domain.errors import StoreError
from shared.domain.told import told
from shared.host.service import Kit
from shared.resilience.backoff import Backoff
from shared.resilience.faults import Fault, fault_of
from shared.store.callbacks import CallbackState, DueCallback

ATTEMPTS: Final = 5
AGAIN = Backoff(base=30.0, cap=600.0, jitter=0.5)
"""Between attempts: long enough in all for an app that is deployed anew."""
LONGEST_WAIT: Final = 3600.0
"""Seconds that we wait at most where the app names a time."""
LOOK_SECONDS = 5.0
"""How often we look for calls that another process left, or that are due again."""
PARTING_SECONDS = 10.0
"""For the call under way when the service is stopped."""
_STORE = Backoff(base=0.5, cap=15.0)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class CallbackSender:
    """Makes the calls that are due, one after the other, for as long as it runs."""

    def __init__(self, kit: Kit, app_url: str) -> None:
        self._kit = kit
        self._app_url = app_url
        self._only = kit.only.import_id if kit.only else None
        self._token = uuid4()
        self._due = asyncio.Event()

    def look(self) -> None:
        """A call may be due now."""
        self._due.set()

    async def run(self) -> None:
        """Make calls until cancelled; the one under way is ended then, if the app is quick."""
        try:
            while True:
                self._due.clear()
                while await _ended(self._make_next()):
                    pass
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._due.wait()
        finally:
            if self._only is not None and self._due.is_set():  # nobody comes after us
                await _within(PARTING_SECONDS, asyncio.create_task(self._make_next()))

    async def _make_next(self) -> bool:
        """Make the call that is due first; False if none is, or the database is away."""
        token = self._token
        try:
            callback = await self._kit.store.take_callback(token, self._only)
        except StoreError as error:
            log.warning("calls that are due cannot be read", stage=self._kit.name, error=str(error))
            return False
        if callback is None:
            return False
        self._token = uuid4()  # whatever comes now, this token is not asked with again
        try:
            answer = await tell_app(self._app_url, callback.user_id, _fields(callback))
        except asyncio.CancelledError:
            self._tell(callback, Answer(Outcome.UNKNOWN, "the service stopped before it answered"), "unknown")
            raise
        await self._settle(callback, answer, token)
        return True

    async def _settle(self, callback: DueCallback, answer: Answer, token: UUID) -> None:
        state, wait = _next(callback, answer)
        self._tell(callback, answer, state)
        failures = 0
        while True:
            try:
                await self._kit.store.settle_callback(token, state, wait)
                return
            except StoreError as error:  # the answer is all that is known of it: wait for the database
                failures += 1
                log.warning("what became of a call cannot be noted", stage=self._kit.name, error=str(error))
                if fault_of(error) is Fault.POISON:
                    return
                await asyncio.sleep(_STORE.delay(failures))

    def _tell(self, callback: DueCallback, answer: Answer, state: CallbackState) -> None:
        self._kit.metrics.callbacks.labels(callback.kind, "again" if state == "due" else state).inc()
        ids = {"import_id": str(callback.import_id), "user_id": str(callback.user_id)}
        told = {"stage": self._kit.name, "kind": callback.kind, "attempt": callback.attempt, **ids}
        if answer.outcome is Outcome.SENT:
            log.info("app told", email_sent=answer.email_sent, push_sent=answer.push_sent, **told)
        elif state == "due":
            log.info("app not told yet", reason=answer.reason, **told)
        else:
            log.error("app not told", step="callback", error=answer.reason, outcome=state, **told)


_ENDS: Final[Mapping[Outcome, CallbackState]] = {
    Outcome.SENT: "sent",
    Outcome.REFUSED: "refused",
    Outcome.UNKNOWN: "unknown",
}


def _next(callback: DueCallback, answer: Answer) -> tuple[CallbackState, float | None]:
    """What a call is after this answer, and in how many seconds it is due again."""
    if (end := _ENDS.get(answer.outcome)) is not None:
        return end, None
    if callback.attempt >= ATTEMPTS:
        return "given_up", None
    asked = min(answer.retry_after or 0.0, LONGEST_WAIT)
    return "due", max(AGAIN.delay(callback.attempt), asked)


def _fields(callback: DueCallback) -> dict[str, Any]:
    """What the app is told beside whose it is."""
    return {
        "soulprint_ready": True,
        "memory_building": callback.kind == "quick",
        "processing_time": round(callback.seconds),
    }


async def _ended(work: Coroutine[Any, Any, T]) -> T:
    """What work gives. Where we are cancelled it goes on for a moment all the same: a call that broke off in
    the middle would count as made."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _within(PARTING_SECONDS, task)
        raise


async def _within(seconds: float, task: asyncio.Task[T]) -> None:
    """Wait for work so long, and end it then."""
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a call ended by an error", error=told(error))
