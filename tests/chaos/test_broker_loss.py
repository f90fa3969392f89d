from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections import Counter
from collections.abc import Callable

import pytest

from shared.domain.events import ImportReceived
from shared.log.kafka.publisher import KAFKA
from shared.log.kafka.subscriber import SubscriberPolicy
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import Replica, committed, fill, read_all, running
from tests.support.waiting import until

RECORDS = 1000
REQUEST_TIMEOUT = 1.0
DOWN = 2.5 * REQUEST_TIMEOUT
HASTY = SubscriberPolicy(session_timeout=3000, heartbeat_interval=200, rebalance_timeout=10_000, drain=1.0)
"""The group need not wait long for those that the broker's loss made it lose."""
DONE = "soulprint_pool_records_total"


class Relay:
    """A stage that publishes every event it gets to another topic."""

    def __init__(self, kafka: Broker) -> None:
        self.kafka = kafka
        self.source, self.target, self.group = unique("relay"), unique("relayed"), unique("group")
        self.replica = self.another()

    async def handle(self, received: ImportReceived) -> None:
        event = received
        await asyncio.sleep(0.005)
        await self.replica.publisher.publish(self.target, str(event.import_id), event)

    async def prepare(self) -> None:
        await create_topics(self.kafka.bootstrap, {self.source: 4, f"{self.source}.dlq": 1, self.target: 4})
        await fill(self.kafka.bootstrap, self.source, range(RECORDS), partitions=4)

    def another(self) -> Replica:
        """One more replica of the same group."""
        return Replica(
            self.kafka.bootstrap, self.source, self.group,
            per_record("relay", ImportReceived, self.handle),
            policy=PoolPolicy(ceiling=20, commit_timeout=1.0), subscriber=HASTY,
            request_timeout=REQUEST_TIMEOUT,
        )  # fmt: skip

    def done(self) -> float:
        return self.replica.value(DONE, stage="relay")

    async def all_committed(self) -> bool:
        """Counting what was done would count what was delivered twice, and be satisfied too soon."""
        return sum(await committed(self.kafka.bootstrap, self.group, self.source, 4)) == RECORDS

    async def all_arrived(self) -> None:
        arrived = Counter(
            dict(r.headers)["ce_importid"] for r in await read_all(self.kafka.bootstrap, self.target, 4)
        )
        assert len(arrived) == RECORDS


async def off_the_loop(call: Callable[[], None]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, call)


async def test_a_killed_broker_costs_nothing(kafka: Broker) -> None:
    relay = Relay(kafka)
    await relay.prepare()
    async with running(relay.replica):
        await until(lambda: relay.done() > RECORDS / 10)
        await off_the_loop(kafka.kill)
        late = relay.another()
        starting = asyncio.create_task(late.start())
        await until(lambda: relay.replica.value("soulprint_pool_commit_failures_total", stage="relay") > 0)
        await off_the_loop(kafka.start)
        await asyncio.wait_for(starting, 60)
        await until(relay.all_committed, 90)
        await late.stop()
    await relay.all_arrived()


async def test_the_publisher_recovers_from_a_graceful_stop_longer_than_its_request_timeout(
    kafka: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    relay = Relay(kafka)
    await relay.prepare()
    async with running(relay.replica):
        leaver = relay.another()
        await leaver.start()
        await until(lambda: relay.done() > RECORDS / 10)
        await off_the_loop(kafka.stop)
        await until(lambda: KAFKA in relay.replica.pool.lane.holds)
        caplog.clear()
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        await until(lambda: relay.replica.pool.lane.paused_seconds > DOWN)
        down = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines = [r for r in caplog.records if r.levelno >= logging.WARNING]
        logging.getLogger(__name__).info(f"down for {down:.0f} s: {used:.2f} s of a core, {len(lines)} lines")
        # Unmended, producer and consumer each burn a core and write thousands of lines a second.
        assert used < down / 2
        assert len(lines) < 10 * down
        await asyncio.wait_for(leaver.stop(), 60)
        await off_the_loop(kafka.start)
        await until(relay.all_committed, 90)
        # The publisher lets go of the lane when it next looks at what is acknowledged.
        await until(lambda: not relay.replica.pool.lane.paused)
    assert relay.replica.value("soulprint_publisher_producers_replaced_total") >= 1
    await relay.all_arrived()
