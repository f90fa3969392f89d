from __future__ import annotations

import asyncio

from shared.domain.events import ImportReceived
from shared.log.health import live, ready
from shared.log.kafka.subscriber import SubscriberPolicy
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.resilience.faults import LaneError
from shared.resilience.lane import Lane
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import Replica, committed, fill, members, running
from tests.support.waiting import until

MAX_POLL = 1.0
IMPATIENT = SubscriberPolicy(
    max_poll_interval=int(MAX_POLL * 1000), session_timeout=2000, heartbeat_interval=200, drain=5.0
)


async def test_a_lane_paused_longer_than_the_poll_interval_stays_in_its_group_and_goes_on_by_itself(
    kafka: Broker,
) -> None:
    topic, group = unique("outage"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 2, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(500), partitions=2)
    healed = asyncio.Event()
    handled: set[int] = set()

    async def handle(received: ImportReceived) -> None:
        if not healed.is_set():
            raise LaneError("the spend limit is reached")
        handled.add(received.import_id.int)

    async def probe() -> None:
        await healed.wait()

    replica = Replica(
        kafka.bootstrap, topic, group, per_record("outage", ImportReceived, handle),
        policy=PoolPolicy(high=100, low=20), lane=Lane(probe=probe), subscriber=IMPATIENT,
    )  # fmt: skip
    async with running(replica):
        await until(lambda: replica.pool.lane.paused)
        (member,) = await members(kafka.bootstrap, group)
        await until(lambda: replica.pool.lane.paused_seconds > 2 * MAX_POLL)
        assert await members(kafka.bootstrap, group) == [member]
        assert replica.value("soulprint_pool_rebalances_total", stage="outage") == 1
        assert replica.value("soulprint_pool_paused", stage="outage", hold="faults") == 1
        assert replica.consumer_paused()
        seen = [(replica.pool.state(), replica.subscription.state())]
        assert live(seen).ok
        assert "the spend limit is reached" in ready(seen).reasons[0]
        assert not handled
        healed.set()
        await until(lambda: len(handled) == 500)
        await until(lambda: ready([(replica.pool.state(), replica.subscription.state())]).ok)
    assert sum(await committed(kafka.bootstrap, group, topic, 2)) == 500
    assert replica.value("soulprint_pool_dead_letters_total", stage="outage", reason="LaneError") == 0


async def test_partitions_of_a_full_pool_are_paused_again_after_a_rebalance(kafka: Broker) -> None:
    topic, group = unique("full"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 4, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(2000), partitions=4)
    go = asyncio.Event()
    handled: set[int] = set()

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        handled.add(received.import_id.int)

    policy = PoolPolicy(high=100, low=20, revoke_grace=0.2)

    def replica() -> Replica:
        return Replica(
            kafka.bootstrap, topic, group, per_record("full", ImportReceived, handle), policy=policy
        )

    first, second = replica(), replica()
    async with running(first):
        await until(lambda: len(first.consumer_paused()) == 4)
        async with running(second):
            await until(lambda: len(first.consumer_paused()) == 2 and len(second.consumer_paused()) == 2)
            most = policy.high + first.subscription.policy.max_records
            assert first.pool.state().waiting <= most
            go.set()
            await until(lambda: len(handled) == 2000)
    assert sum(await committed(kafka.bootstrap, group, topic, 4)) == 2000
