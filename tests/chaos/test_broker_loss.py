"""The broker is killed."""

from __future__ import annotations

import asyncio

from tests.chaos.relay import RECORDS, Relay, off_the_loop
from tests.support.kafka import Broker
from tests.support.replica import running
from tests.support.waiting import until


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
