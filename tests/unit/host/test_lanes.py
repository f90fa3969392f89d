"""A lane without a topic is asked for once in a while, and no other waits for it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.domain.events import Event, ImportReceived
from shared.requests import lanes
from shared.requests.accept import Offer
from shared.requests.lanes import Lanes
from shared.resilience.faults import LaneError, NoTopicError


class Topics:
    """A log that knows some topics."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.asked: list[str] = []

    async def publish(self, topic: str, key: str, event: Event) -> None:
        self.asked.append(topic)
        if topic not in self.known:
            raise NoTopicError(f"no topic {topic}")


def offer_to(pipeline: str) -> Offer:
    ids = {"import_id": uuid4(), "user_id": uuid4(), "run": 1}
    return Offer(ImportReceived(**ids, source="b/p", requested_at=datetime.now(UTC)), pipeline)


async def test_it_is_left_alone_for_a_while_and_taken_up_when_its_topic_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topics = Topics("import.received.v2")
    found = Lanes(topics)
    for _ in range(3):
        assert not await found.publish(offer_to("v1"))
        assert await found.publish(offer_to("v2"))
    assert topics.asked == ["import.received.v1", *["import.received.v2"] * 3]
    monkeypatch.setattr(lanes, "REST_SECONDS", 0.0)
    found = Lanes(topics)
    assert not await found.publish(offer_to("v1"))
    topics.known.add("import.received.v1")
    assert await found.publish(offer_to("v1"))


async def test_so_many_are_remembered_as_may_be_and_other_faults_are_raised() -> None:
    topics = Topics()
    found = Lanes(topics)
    for n in range(1, 3 * lanes.MOST):
        assert not await found.publish(offer_to(f"v{n}"))
    assert len(found._until) <= lanes.MOST

    class Closed(Topics):
        async def publish(self, topic: str, key: str, event: Event) -> None:
            raise LaneError("closed")

    with pytest.raises(LaneError, match="closed"):
        await Lanes(Closed()).publish(offer_to("v1"))
