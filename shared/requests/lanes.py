"""Lanes as whoever publishes to them sees them: one whose topic does not exist stops none of the others."""

from __future__ import annotations

import time

import structlog

from shared.log.ports import Publisher
from shared.requests.accept import Offer
from shared.resilience.faults import NoTopicError

REST_SECONDS = 30.0
"""For which a lane without a topic is not tried again."""
MOST = 64
"""Lanes that are remembered: their names come from outside."""

log = structlog.get_logger(__name__)


class Lanes:
    """Publishes events to the topics of their lanes. Safe for many tasks at once."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._until: dict[str, float] = {}

    async def publish(self, offer: Offer) -> bool:
        """True when the log has it; False where the lane has no topic, which is said once and then left alone
        for a while: to find out takes seconds. Raises LaneError where nothing can be published."""
        lane = offer.pipeline
        if time.monotonic() < self._until.get(lane, 0.0):
            return False
        try:
            await offer.publish(self._publisher)
        except NoTopicError as error:
            self._leave(lane, error)
            return False
        self._until.pop(lane, None)
        return True

    def _leave(self, lane: str, error: NoTopicError) -> None:
        now = time.monotonic()
        if now < self._until.get(lane, 0.0):
            return  # others that waited with it
        if len(self._until) >= MOST:
            self._until.clear()
        self._until[lane] = now + REST_SECONDS
        log.warning(
            "a lane has no topic: its imports wait in the database, the others go on",
            lane=lane,
            error=str(error),
        )
