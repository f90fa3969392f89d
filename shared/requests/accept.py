"""Requesting a run: the one way in, for the commands, the gateway, and whatever else takes imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.domain.errors import SoulprintError
from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKey, RunKind
from shared.log.ports import Publisher
from shared.pipelines import IMPORT_RECEIVED, V1, topic
from shared.requests.request import Request
from shared.settings import Settings
from shared.store.accepting import AcceptedRun, Refusal, RefusedRun, Unoffered
from shared.store.store import Store

_WHY: dict[Refusal, str] = {
    "key": "the idempotency key was used for another request of this user within 24 hours; take a new one",
    "hourly": "too many imports were asked for within an hour",
    "unfinished": "too many imports of this user are not finished yet",
    "running": "a run of this import is under way",
    "unknown": "there is no such import",
}


class RefusedError(SoulprintError):
    """A request was not taken; nothing is left of it."""

    def __init__(self, refusal: Refusal, retry_after: int | None = None) -> None:
        super().__init__(_WHY[refusal])
        self.refusal = refusal
        self.retry_after = retry_after
        """Seconds after which it may be taken, where there were too many."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a request is to be taken."""

    pipeline: str | None = None
    """The pipeline that is asked for; None: whichever it is routed to."""
    variant: str = ""
    """See Store.accept_import; so are the others."""
    on_log: bool = True
    replace: bool = False
    again: bool = False
    keep_source: bool = False
    key: str | None = None
    digest: str | None = None
    per_hour: int | None = None
    at_once: int | None = None


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Offer:
    """An event and the pipeline whose topic it goes to: where it goes is decided when it is accepted."""

    event: ImportReceived
    pipeline: str

    @property
    def key(self) -> RunKey:
        return RunKey(self.event.import_id, self.event.run)

    async def publish(self, publisher: Publisher) -> None:
        """Return when the log has it. Raises LaneError."""
        await publisher.publish(topic(IMPORT_RECEIVED, self.pipeline), str(self.event.import_id), self.event)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was taken, and what the log is to be offered for it."""

    run: AcceptedRun
    user_id: UUID

    @property
    def key(self) -> RunKey:
        return RunKey(self.run.import_id, self.run.run)

    @property
    def event(self) -> ImportReceived:
        """The event that begins the run, or goes on with it."""
        return self._event(kind=self.run.kind, import_id=self.run.import_id)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The run's own event; before it that of its quick run, which is awaited; last that of its shadow."""
        run, parent = self.run, self.run.import_id
        offers = [Offer(self.event, run.pipeline)]
        if run.quick is not None:
            quick = self._event(kind=RunKind.QUICK, import_id=run.quick.import_id, parent_id=parent)
            offers.insert(0, Offer(quick, V1))
        if run.shadow is not None:
            shadow = self._event(kind=RunKind.SHADOW, import_id=run.shadow.import_id, parent_id=parent)
            offers.append(Offer(shadow, run.shadow.pipeline))
        return tuple(offers)

    def _event(self, **ids: Any) -> ImportReceived:
        return event_of(self.run, self.user_id, **ids)


def event_of(run: AcceptedRun | Unoffered, user_id: UUID, **ids: Any) -> ImportReceived:
    """The event of a run, from what the database says of it; `ids` are those of it, or of a run beside it."""
    return ImportReceived(
        user_id=user_id,
        run=run.run,
        source=run.source,
        requested_at=run.requested_at,
        lineage=run.lineage,
        conversation_count=run.asked.conversation_count,
        message_count=run.asked.message_count,
        **ids,
    )


async def accept(request: Request, store: Store, settings: Settings, terms: Terms = PLAIN) -> Accepted:
    """Take a request: its run is in the database, and its event is owed to the log.

    Which run it is the database decides, in one transaction: two requests at once are the same run. Raises
    RefusedError, and StoreError (SP002) for an import that is another user's.
    """
    answer = await store.accept_import(
        request.import_id,
        request.user_id,
        request.source,
        settings.pipeline,
        pipeline=terms.pipeline,
        variant=terms.variant,
        on_log=terms.on_log,
        replace=terms.replace,
        lineage=request.lineage,
        profile_format=settings.profile_format,
        quick_id=quick_id(request.import_id),
        shadow_id=shadow_id(request.import_id, settings.pipeline),
        asked={
            "conversation_count": request.conversation_count,
            "message_count": request.message_count,
        },
        key=terms.key,
        digest=terms.digest,
        again=terms.again,
        keep_source=terms.keep_source,
        per_hour=terms.per_hour,
        at_once=terms.at_once,
    )
    if isinstance(answer, RefusedRun):
        raise RefusedError(answer.refusal, answer.retry_after)
    return Accepted(answer, request.user_id)


async def offer(accepted: Accepted, store: Store, publisher: Publisher) -> None:
    """Return when the log has what it is owed for a request. Raises LaneError."""
    for each in accepted.offers:
        await each.publish(publisher)
    await store.note_offered([each.key for each in accepted.offers])
