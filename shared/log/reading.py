"""Reading topics beside their readers: as nobody's group, so that nothing is committed, nobody is disturbed.
For replays, for dead letters, and for whatever else asks what lies on the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shared.domain.events import Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it lies on its topic."""

    topic: str
    """Its whole name, with the deployment's prefix."""
    partition: int
    offset: int
    timestamp: int
    """Unix milliseconds."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of one partition: from `begin` on, before `end`."""

    begin: int
    end: int


class Reading(Protocol):
    """What lies on a log. Names are base names (shared.pipelines.topic); the prefix is added here.

    Raises LogUnavailableError where the log does not answer, LogRefusedError where it does not let us read,
    TopicLostError where a topic is deleted while it is read.
    """

    async def topics(self) -> Collection[str]:
        """The names of the topics of this deployment that there are, without its prefix."""
        ...

    async def spans(
        self, topic: str, since: int | None = None, until: int | None = None
    ) -> Mapping[int, Span]:
        """Of each partition what it holds now, of the records since and before these times (Unix
        milliseconds). Empty for a topic that there is not."""
        ...

    def read(self, topic: str, spans: Mapping[int, Span]) -> AsyncGenerator[Sequence[RawRecord], None]:
        """The records of these spans, some at a time, those of a partition in order; what retention has taken
        meanwhile is passed over. Holds no more in memory than it yields at a time."""
        ...

    def decode(self, record: RawRecord, model: type[E]) -> E:
        """Its event. Raises PoisonError."""
        ...
