"""What services and the pool ask of a log. Two logs answer: Kafka (`shared.log.kafka`) and one in memory
(`shared.log.local`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from shared.domain.errors import SoulprintError
from shared.domain.events import Event
from shared.log.fairness import Line
from shared.log.health import LoopState, PoolState
from shared.log.policy import PoolPolicy
from shared.log.reading import Reading
from shared.log.stage import Stage

E = TypeVar("E", bound=Event)
TOO_LARGE = "too_large"
"""Why an event over the size limit is poison."""
UNKNOWN_TYPE = "unknown_type"
"""Why an event that does not belong on its topic is poison."""
OUT_OF_BOUNDS = "out_of_bounds"
"""Why an event is poison of which a field holds more than `shared.domain.bounds` lets it."""


class LogUnavailableError(SoulprintError):
    """The log does not answer now, or no longer to us."""


class LogRefusedError(LogUnavailableError):
    """The log does not let us do this."""


class TopicLostError(LogUnavailableError):
    """The log does not have this topic any more. Made again under its name, it is another: what was done of
    the old one says nothing of it, and it is assigned anew."""


class Partition(NamedTuple):
    """A part of a topic in which records keep their order. Equal to a tuple of the same two."""

    topic: str
    partition: int


class Publisher(Protocol):
    """Puts events on topics. Safe for many tasks at once."""

    async def publish(self, topic: str, key: str, event: Event) -> None:
        """Return when the log has the event: until then it may be lost. Waits while the log takes nothing.

        Raises PoisonError for an event over the size limit, LaneError where the log refuses us, NoTopicError
        where there is no such topic, or it is refused to us.
        """
        ...


class Consumer(Protocol):
    """What a pool needs of the client that delivers to it. Raises LogUnavailableError, a commit its
    TopicLostError."""

    def assignment(self) -> set[Partition]: ...

    def pause(self, *partitions: Partition) -> None: ...

    def resume(self, *partitions: Partition) -> None: ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None: ...

    async def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]: ...

    async def end_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]: ...


class Reader(Protocol):
    """Reads the log's records, each of which has a topic, a partition, an offset and a timestamp (Unix
    milliseconds)."""

    def size(self, record: Any) -> int:
        """About how many bytes it holds in memory."""
        ...

    def line(self, record: Any) -> Line:
        """Whose turn, and which import's, it waits for, and whether behind live work. A record that does not
        say whose it is counts as of a person of its own import; those that do not name that either are of one
        nameless import. One that does not say that it is of a replay is live."""
        ...

    async def decode(self, record: Any, model: type[E]) -> tuple[E, str | None]:
        """Its event, and the trace that it belongs to. Raises PoisonError."""
        ...


@dataclass(frozen=True, slots=True)
class Consumption:
    """One topic read by one group through one stage, and how."""

    topic: str
    group: str
    stage: Stage[Any]
    policy: PoolPolicy = field(default_factory=PoolPolicy)
    probe: Callable[[], Awaitable[None]] | None = None
    """Whether the lane may open again; None: a record is sent ahead as a scout."""
    grace: float = 20.0
    """Seconds that a stop waits for work in flight."""


class LogClient(Protocol):
    """One service's place on a log: what it publishes with, and the one topic that it consumes, if any."""

    @property
    def publisher(self) -> Publisher: ...

    async def start(self, reads: Consumption | None, waiting: Callable[[str], None]) -> None:
        """Return when it publishes and consumes. Waits without end for a log that does not answer, and says
        so to `waiting`. Raises SoulprintError."""
        ...

    def state(self) -> tuple[PoolState, LoopState] | None:
        """How the consumption is; None without one."""
        ...

    async def stop(self, grace: float | None = None) -> None:
        """Take no more, wait at most `grace` seconds (None: as the consumption says) for what is in work, end
        the rest, leave. Safe to call twice."""
        ...


class Log(Protocol):
    """Where services meet."""

    durable: bool
    """True: what a stopped reader leaves is there for the next. False: it is gone, so readers are stopped
    upstream first, and each works off what waits for it."""

    def client(self, name: str) -> LogClient:
        """A place for the service of this name."""
        ...

    async def answers(self) -> None:
        """Return if the log answers. Raises LogUnavailableError."""
        ...

    def reading(self) -> Reading:
        """What lies on it, read beside its readers."""
        ...
