"""A stage that relays, for tests that take its broker away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from shared.domain.events import ImportReceived
from shared.log.kafka.subscriber import SubscriberPolicy
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import Replica, committed, fill, read_all

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
