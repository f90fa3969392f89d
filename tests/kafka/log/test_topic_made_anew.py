"""A topic that is deleted under its reader, with work done that is not committed yet, and made again."""

from __future__ import annotations

import pytest

from shared.domain.events import ImportReceived
from shared.log.stage import per_record
from tests.support.kafka import Broker, create_topics, delete_topics, unique
from tests.support.replica import Replica, committed, fill, running
from tests.support.waiting import until

COMMIT_FAILURES = "soulprint_pool_commit_failures_total"


async def test_it_does_not_take_over_the_offsets_of_the_old_one(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.pool._TICK", 3600.0)  # commits come with rebalances only
    topic, group = unique("anew"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(3), partitions=1)
    handled: set[int] = set()

    async def handle(received: ImportReceived) -> None:
        handled.add(received.import_id.int)

    replica = Replica(kafka.bootstrap, topic, group, per_record("anew", ImportReceived, handle))
    async with running(replica):
        await until(lambda: handled == {0, 1, 2})
        await delete_topics(kafka.bootstrap, topic)
        # The group is told, and what is done would be committed.
        await until(lambda: replica.value(COMMIT_FAILURES, stage="anew") > 0)
        await create_topics(kafka.bootstrap, {topic: 1})
        await fill(kafka.bootstrap, topic, range(10, 15), partitions=1)
        await until(lambda: handled == {0, 1, 2, *range(10, 15)})
    assert await committed(kafka.bootstrap, group, topic, 1) == [5]
