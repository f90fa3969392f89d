"""The broker is stopped for longer than a request waits."""

from __future__ import annotations

import asyncio
import logging
import resource
import time

import pytest

from shared.log.kafka.publisher import KAFKA
from tests.chaos.relay import DOWN, RECORDS, Relay, off_the_loop
from tests.support.kafka import Broker
from tests.support.replica import running
from tests.support.waiting import until


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
