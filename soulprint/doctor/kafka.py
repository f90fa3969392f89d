"""Kafka: its topics beside the table of ours."""

from __future__ import annotations

from shared.domain.errors import SoulprintError
from shared.settings import Settings
from soulprint.doctor.check import Check, found_if


async def check_kafka(settings: Settings) -> list[Check]:
    """Whether every topic is as it should be; nothing where there is no Kafka to look at."""
    if not settings.kafka_bootstrap_servers:
        return []
    from soulprint.topics import told, topic_drift

    try:
        drifts = await topic_drift(settings)
    except SoulprintError as error:
        return [Check("kafka", False, settings.kafka_bootstrap_servers, str(error))]
    found = "; ".join(told(drift) for drift in drifts) or "every topic is as it should be"
    advice = "run `soulprint topics create`; what differs is for ops to change"
    return [found_if("kafka", not drifts, found, advice)]
