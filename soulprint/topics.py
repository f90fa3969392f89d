"""`soulprint topics create`, and what `doctor` says of Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.domain.errors import SoulprintError
from shared.domain.told import told_by_name
from shared.log.kafka.client import KafkaLog, connection_of
from shared.log.kafka.diagnosis import why_refused
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.rights import refusal
from shared.log.kafka.topics import MISSING, REFUSED, Drift, ensure_topics, find_drift
from shared.pipelines import all_topics, prefixed
from shared.settings import Settings, load_settings
from soulprint.terminal import say, say_json


class KafkaUnreachableError(SoulprintError):
    """Kafka does not answer, or refuses us."""


@asynccontextmanager
async def admin_of(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client. Raises KafkaUnreachableError."""
    connection = connection_of(settings)
    admin = AIOKafkaAdminClient(**connection.options(), request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        why = await why_refused(connection) or f"{connection.bootstrap_servers} failed: {told_by_name(error)}"
        raise KafkaUnreachableError(f"Kafka at {why}") from None
    finally:
        await admin.close()


@asynccontextmanager
async def publisher_of(log: KafkaLog, name: str) -> AsyncIterator[Publisher]:
    """A publisher of a command's own."""
    client = log.client(name)
    try:
        await client.start(None, waiting=lambda why: None)
        yield client.publisher
    finally:
        await client.stop()


def create_command(*, as_json: bool) -> None:
    """Create the topics that do not exist; say which those were and how the others differ."""
    created, drifts = asyncio.run(_create(load_settings()))
    if as_json:
        say_json({"created": created, "drift": [asdict(each) for each in drifts]})
        return
    say(f"created: {', '.join(created)}" if created else "every topic exists")
    for drift in drifts:
        say(f"differs: {told(drift)}")


async def _create(settings: Settings) -> tuple[list[str], list[Drift]]:
    async with admin_of(settings) as admin:
        return await ensure_topics(admin, prefixed(all_topics(settings.pipeline), settings.kafka_prefix))


async def topic_drift(settings: Settings) -> Sequence[Drift]:
    """How the topics of the cluster differ from the table."""
    async with admin_of(settings) as admin:
        return await find_drift(admin, prefixed(all_topics(settings.pipeline), settings.kafka_prefix))


def told(drift: Drift) -> str:
    """A drift in words."""
    if drift.what == MISSING:
        return f"{drift.topic} does not exist"
    if drift.what == REFUSED:
        return refusal("Describe" if drift.wanted == "a topic" else "DescribeConfigs", "topic", drift.topic)
    return f"{drift.topic} has {drift.what} {drift.found}, not {drift.wanted}"
