"""Kafka goes silent: services say so, and stop when told. How they go on is in tests/chaos: it takes the
client's request timeout."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from shared.host.host import Host
from shared.log.health import HealthPolicy, live, ready
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.subscriber import SubscriberPolicy
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.settings import Settings
from shared.store.store import Store
from tests.support.door import kafka_door
from tests.support.kafka import Broker
from tests.support.services import Setting, ended, hosted
from tests.support.waiting import until

SOON = HealthPolicy(silent=0.5)
STOPPED = 20.0
"""Seconds: less than the bounds of the client's own, of 40 s each."""


class HastySetting(Setting):
    """Services that leave sooner."""

    def open_log(self, settings: Settings, metrics: PoolMetrics) -> Log:
        """See AnySetting."""
        return KafkaLog.of(settings, metrics, replace(SubscriberPolicy(), leave=0.5))


def silent(host: Host) -> bool:
    """Every service says that Kafka does not answer, and none asks to be started again."""
    states = host._states()
    assert not isinstance(states, str)
    assert live(states).ok
    said = [reason for reason in ready(states, SOON).reasons if "Kafka has not answered" in reason]
    return len(said) == len(states)


@pytest.mark.slow
async def test_services_say_that_kafka_is_silent_and_stop(
    kafka: Broker, database: str, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.pool._LAG_EVERY", 0.5)
    async with kafka_door(kafka) as door:
        setting = HastySetting(door.address, database, exports, changes={"extract_workers": 0})
        await setting.make_topics()
        services = ("router", "chunker", "consolidator", "writer", "extractor")
        async with hosted(setting, services) as host:
            run = await ended(store, await setting.import_of(exports / "small.zip"))
            assert run.state == "complete"
            assert ready(host._states()).ok
            door.swallow()
            await until(lambda: silent(host))
            began = time.monotonic()
        assert time.monotonic() - began < STOPPED
