"""What there is on the log: services with what they read and write, topics with key, event and size.

A pipeline is data of a run: the same services deployed with another PIPELINE are another pipeline, on topics
of its own. v1 is the lane of quickpass, which stands beside every other. The gateway, the router and
`import.received` belong to none. `shared.log.kafka.topics` makes these topics on Kafka.
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


def lane_label(lane: str, served: str) -> str:
    """What a metric calls a lane: itself if somebody serves it here, else `other`. An event, or an override
    made by hand, may name any, and labels must stay few."""
    return lane if lane in (V1, served) else "other"


def topic(name: str, pipeline: str | None = None, *, dead: bool = False) -> str:
    """The name on the log of topic `name`: with its pipeline's version, and `.dlq` for its dead letters."""
    return name + (f".{pipeline}" if pipeline else "") + (".dlq" if dead else "")


V1: Final = "v1"
"""The pipeline that gives first sections within seconds, and what is left where another fails."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service's place on the log. Its code is `services.<name>.app`."""

    name: str
    reads: str | None
    """The base name of its topic; None: it reads none."""
    writes: tuple[str, ...]
    """Base names, all of the pipeline."""
    of_pipeline: bool = True
    """False: one deployment serves every pipeline, and reads the topic that belongs to none."""
    only: str | None = None
    """The one pipeline that it belongs to, whatever PIPELINE says."""
    letters: bool = False
    """Whether it reads every dead-letter topic of the deployment. Each reads that of its own topic."""

    def of(self, pipeline: str) -> str:
        """The pipeline whose part it is where PIPELINE says `pipeline`."""
        return self.only or pipeline

    def topic(self, pipeline: str) -> str:
        """The whole name of the topic that it reads. Raises ValueError if it reads none."""
        if self.reads is None:
            raise ValueError(f"{self.name} reads no topic")
        return topic(self.reads, self.of(pipeline) if self.of_pipeline else None)

    def group(self, pipeline: str) -> str:
        """Its consumer group."""
        return f"soulprint.{self.of(pipeline)}.{self.name}" if self.of_pipeline else f"soulprint.{self.name}"


SERVICES: Final[Mapping[str, ServiceSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ServiceSpec("gateway", None, (IMPORT_RECEIVED,), of_pipeline=False),
            ServiceSpec("router", IMPORT_RECEIVED, (IMPORT_RECEIVED,), of_pipeline=False),
            ServiceSpec("quickpass", IMPORT_RECEIVED, (MEMORY_READY, IMPORT_RECEIVED), only=V1),
            ServiceSpec("chunker", IMPORT_RECEIVED, (CHUNKS_READY, FACTS_EXTRACTED)),
            ServiceSpec("extractor", CHUNKS_READY, (FACTS_EXTRACTED,)),
            ServiceSpec("consolidator", FACTS_EXTRACTED, (MEMORY_READY, IMPORT_RECEIVED), letters=True),
            ServiceSpec("writer", MEMORY_READY, ()),
        )
    }
)
"""Every service, upstream first."""
READERS: Final[Mapping[str, ServiceSpec]] = MappingProxyType(
    {name: spec for name, spec in SERVICES.items() if spec.reads is not None}
)
"""Those that read the log."""


def services_of(pipeline: str) -> tuple[str, ...]:
    """The services that a pipeline consists of, upstream first, without those that belong to none."""
    if pipeline == V1:
        return ("quickpass", "writer")
    return tuple(name for name, spec in SERVICES.items() if spec.of_pipeline and spec.only is None)


@dataclass(frozen=True, slots=True)
class Place:
    """A service of one pipeline, as a process hosts it."""

    spec: ServiceSpec
    pipeline: str
    label: str
    """What logs and metrics call it: its name, and its pipeline's too where that is not the process's own."""

    @property
    def publishes(self) -> tuple[str, ...]:
        """The whole names of the topics it writes. An import goes to whichever pipeline its run is of, but
        for a service that belongs to one."""
        every = (self.pipeline,) if self.spec.only else tuple(dict.fromkeys((self.pipeline, V1)))
        return tuple(
            topic(name, pipeline)
            for name in self.spec.writes
            for pipeline in (every if name == IMPORT_RECEIVED else (self.pipeline,))
        )


def places_of(names: Iterable[str], pipeline: str) -> tuple[Place, ...]:
    """What a process hosts that serves `names` and whose PIPELINE is `pipeline`. Quickpass brings the writer
    of its pipeline: nobody else reads what it publishes."""
    places: dict[tuple[str, str], Place] = {}
    for name in names:
        spec = SERVICES[name]
        own = spec.of(pipeline)
        places[name, own] = Place(spec, own, name)
        if spec.only is not None:
            label = "writer" if own == pipeline else f"writer.{own}"
            places.setdefault(("writer", own), Place(SERVICES["writer"], own, label))
    return tuple(places.values())


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
    read = {SERVICES[name].reads for name in services_of(pipeline)}
    return (
        TopicSpec(topic(IMPORT_RECEIVED), "import_id", ImportReceived, 6, 30 * _DAY_MS),
        *(
            TopicSpec(topic(name, pipeline), key, event, partitions, days * _DAY_MS)
            for name, key, event, partitions, days in (
                (IMPORT_RECEIVED, "import_id", ImportReceived, 6, 30),
                (CHUNKS_READY, "chunk_id", ChunkReady, 48, 7),
                (FACTS_EXTRACTED, "import_id", FactsExtracted, 12, 7),
                (MEMORY_READY, "user_id", MemoryReady, 6, 30),
            )
            if name in read
        ),
    )


def live_topics(pipeline: str) -> tuple[TopicSpec, ...]:
    """The topics of a deployment whose PIPELINE is `pipeline`, v1's among them, without their dead-letter
    topics."""
    return tuple({spec.name: spec for each in (pipeline, V1) for spec in topics_of(each)}.values())


def all_topics(pipeline: str) -> tuple[TopicSpec, ...]:
    """The same, each followed by its dead-letter topic."""
    return tuple(spec for live in live_topics(pipeline) for spec in (live, live.dead))


def prefixed(specs: Iterable[TopicSpec], prefix: str) -> list[TopicSpec]:
    """The same topics as a deployment with this KAFKA_PREFIX names them."""
    return [replace(spec, name=prefix + spec.name) for spec in specs]
