"""Every topic: its name, key, size and retention, in one table, and the function that makes them so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from shared.domain.errors import SoulprintError
from shared.domain.events import ChunkReady, Event, FactsExtracted, ImportReceived, MemoryReady

IMPORT_RECEIVED: Final = "import.received"
CHUNKS_READY: Final = "chunks.ready"
FACTS_EXTRACTED: Final = "facts.extracted"
MEMORY_READY: Final = "memory.ready"

MAX_EVENT_BYTES: Final = 1_000_000
"""Largest value of an event. Kafka's own default limit for a record is 1,048,588 with key and headers."""
MAX_DEAD_LETTER_BYTES: Final = 2 * 1024**2
"""Largest record of a dead-letter topic: any record of a topic, and its provenance in headers."""

_DAY_MS = 24 * 3600 * 1000
_COPIES = 3
_LEADER_TRIES = 200
_EXISTS = 36
_NONE = 0


def topic(name: str, pipeline: str | None = None, *, dead: bool = False) -> str:
    """The name on the log of topic `name`: with its pipeline's version, and `.dlq` for its dead letters."""
    return name + (f".{pipeline}" if pipeline else "") + (".dlq" if dead else "")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be."""

    name: str
    key: str
    """The field of the event that is the record's key."""
    event: type[Event]
    partitions: int
    retention_ms: int
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The topic's configuration, as Kafka spells it."""
        return {"retention.ms": str(self.retention_ms), "cleanup.policy": "delete", **self.config}

    @property
    def dead(self) -> TopicSpec:
        """Its dead-letter topic."""
        return TopicSpec(
            f"{self.name}.dlq", self.key, self.event, 1, 30 * _DAY_MS,
            {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)},
        )  # fmt: skip


def topics_of(pipeline: str) -> tuple[TopicSpec, ...]:
    """The topics of a pipeline, without their dead-letter topics.

    chunks.ready has the most partitions: its consumers are the slow ones, and a replica without a partition
    does nothing. Each topic holds what a replay or a long outage needs.
    """
    return (
        TopicSpec(topic(IMPORT_RECEIVED), "import_id", ImportReceived, 6, 30 * _DAY_MS),
        TopicSpec(topic(IMPORT_RECEIVED, pipeline), "import_id", ImportReceived, 6, 30 * _DAY_MS),
        TopicSpec(topic(CHUNKS_READY, pipeline), "chunk_id", ChunkReady, 48, 7 * _DAY_MS),
        TopicSpec(topic(FACTS_EXTRACTED, pipeline), "import_id", FactsExtracted, 12, 7 * _DAY_MS),
        TopicSpec(topic(MEMORY_READY, pipeline), "user_id", MemoryReady, 6, 30 * _DAY_MS),
    )


def all_topics(pipeline: str) -> tuple[TopicSpec, ...]:
    """The topics of a pipeline, each followed by its dead-letter topic."""
    return tuple(spec for live in topics_of(pipeline) for spec in (live, live.dead))


class TopicError(SoulprintError):
    """Topics could not be created or read."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A topic that is not as its table says. Nothing is changed: that is for ops to decide."""

    topic: str
    what: str
    """`missing`, `partitions`, or the name of a configuration key."""
    wanted: str
    found: str


async def ensure_topics(
    admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], *, replication: int | None = None
) -> tuple[list[str], list[Drift]]:
    """Create the topics that do not exist; the names of those, and how the others drift from the table.

    Copies of each record: `replication`, or else three where there are three brokers. (The client cannot ask
    for the cluster's default.) Raises TopicError that names every topic refused.
    """
    if replication is None:
        replication = min(_COPIES, len((await admin.describe_cluster())["brokers"]))
    answer = await admin.create_topics(
        [NewTopic(s.name, s.partitions, replication, topic_configs=s.settings) for s in specs]
    )
    created, refused = [], []
    for name, code, *message in answer.topic_errors:
        if code == _NONE:
            created.append(name)
        elif code != _EXISTS:
            refused.append(
                f"{name}: {for_code(code).__name__} {message[0] if message and message[0] else ''}"
            )
    if refused:
        raise TopicError(f"Kafka refused {len(refused)} topics: {'; '.join(refused)}")
    await _until_led(admin, created)
    return created, await find_drift(admin, [s for s in specs if s.name not in created])


async def _until_led(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """Wait until brokers know new topics and their leaders: they learn of them a moment later."""
    for _ in range(_LEADER_TRIES):
        described = await admin.describe_topics(list(names)) if names else []
        if all(t["partitions"] and all(p["leader"] >= 0 for p in t["partitions"]) for t in described):
            return
        await asyncio.sleep(0.05)
    raise TopicError(f"topics were created but have no leaders yet: {', '.join(names)}; try again")


async def find_drift(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> list[Drift]:
    """How the topics of the cluster differ from the table. Changes nothing."""
    if not specs:
        return []
    described = {t["topic"]: t for t in await admin.describe_topics([s.name for s in specs])}
    drifts, existing = [], []
    for spec in specs:
        found = described.get(spec.name)
        if found is None or found["error_code"] != _NONE:
            drifts.append(Drift(spec.name, "missing", "a topic", "none"))
            continue
        existing.append(spec)
        if (count := len(found["partitions"])) != spec.partitions:
            drifts.append(Drift(spec.name, "partitions", str(spec.partitions), str(count)))
    configs = await _configs(admin, [s.name for s in existing])
    for spec in existing:
        has = configs.get(spec.name, {})
        drifts += [
            Drift(spec.name, key, wanted, str(has.get(key)))
            for key, wanted in spec.settings.items()
            if has.get(key) != wanted
        ]
    return drifts


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, n) for n in names])
    configs = {}
    for answer in answers:
        for code, message, _kind, name, entries in answer.resources:
            if code != _NONE:
                raise TopicError(
                    f"cannot read the configuration of {name}: {message or for_code(code).__name__}"
                )
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs
