"""What there is on the log: services with what they read and write, topics with key, event and size.

A pipeline is data of a run: the same services deployed with another PIPELINE are another pipeline, on topics
of its own. The router and `import.received` belong to none. `shared.log.kafka.topics` makes these topics on
Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

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


def topic(name: str, pipeline: str | None = None, *, dead: bool = False) -> str:
    """The name on the log of topic `name`: with its pipeline's version, and `.dlq` for its dead letters."""
    return name + (f".{pipeline}" if pipeline else "") + (".dlq" if dead else "")


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service's place on the log. Its code is `services.<name>.app`."""

    name: str
    reads: str
    """The base name of its topic."""
    writes: tuple[str, ...]
    """Base names, all of the pipeline."""
    of_pipeline: bool = True
    """False: one deployment serves every pipeline, and reads the topic that belongs to none."""

    def topic(self, pipeline: str) -> str:
        """The whole name of the topic that it reads."""
        return topic(self.reads, pipeline if self.of_pipeline else None)

    def group(self, pipeline: str) -> str:
        """Its consumer group."""
        return f"soulprint.{pipeline}.{self.name}" if self.of_pipeline else f"soulprint.{self.name}"


SERVICES: Final[Mapping[str, ServiceSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ServiceSpec("router", IMPORT_RECEIVED, (IMPORT_RECEIVED,), of_pipeline=False),
            ServiceSpec("chunker", IMPORT_RECEIVED, (CHUNKS_READY, FACTS_EXTRACTED)),
            ServiceSpec("extractor", CHUNKS_READY, (FACTS_EXTRACTED,)),
            ServiceSpec("consolidator", FACTS_EXTRACTED, (MEMORY_READY, IMPORT_RECEIVED)),
            ServiceSpec("writer", MEMORY_READY, ()),
        )
    }
)
"""Every service that reads the log, upstream first."""


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


def prefixed(specs: Iterable[TopicSpec], prefix: str) -> list[TopicSpec]:
    """The same topics as a deployment with this KAFKA_PREFIX names them."""
    return [replace(spec, name=prefix + spec.name) for spec in specs]
