"""The dead letters of a log in memory: kept, the newest of each topic, and read as if they lay on Kafka."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from shared.domain.events import Event
from shared.log.deadletter import DeadLetter
from shared.log.ports import UNKNOWN_TYPE
from shared.log.reading import RawRecord, Span
from shared.resilience.faults import PoisonError

E = TypeVar("E", bound=Event)
LETTERS = 1000
"""Dead letters of a topic that are kept, the newest."""
LETTER_BYTES = 16 * 1024**2
"""Bytes of a topic's that are kept, the newest; the last one, however large."""
AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class _Kept:
    offset: int
    at: int
    """Unix milliseconds."""
    letter: DeadLetter
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(slots=True)
class _Topic:
    end: int = 0
    """The offset of the next letter."""
    kept: deque[_Kept] = field(default_factory=deque)
    size: int = 0


class Letters:
    """See shared.log.reading.Reading. Of other topics nothing is left once it was read."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}

    def keep(self, topic: str, letter: DeadLetter) -> None:
        """Put a letter on this dead-letter topic."""
        on = self._topics.setdefault(topic, _Topic())
        headers = tuple(letter.headers())  # before the traceback goes, which knows the place
        _let_go(letter.error)
        on.kept.append(_Kept(on.end, int(time.time() * 1000), letter, headers))
        on.size += letter.raw.weight
        on.end += 1
        while len(on.kept) > LETTERS or (on.size > LETTER_BYTES and len(on.kept) > 1):
            on.size -= on.kept.popleft().letter.raw.weight

    def of(self, topic: str) -> Sequence[DeadLetter]:
        """Those that lie on a dead-letter topic, oldest first."""
        return [each.letter for each in self._kept(topic)]

    def _kept(self, topic: str) -> Sequence[_Kept]:
        return tuple(self._topics[topic].kept) if topic in self._topics else ()

    async def topics(self) -> Collection[str]:
        """See Reading."""
        return list(self._topics)

    async def spans(
        self, topic: str, since: int | None = None, until: int | None = None
    ) -> Mapping[int, Span]:
        """See Reading."""
        kept = self._kept(topic)
        if not kept:
            return {}
        end = kept[-1].offset + 1
        begin = next((each.offset for each in kept if since is None or each.at >= since), end)
        before = next((each.offset for each in kept if until is not None and each.at >= until), end)
        return {0: Span(begin, max(begin, before))}

    async def read(self, topic: str, spans: Mapping[int, Span]) -> AsyncGenerator[Sequence[RawRecord], None]:
        """See Reading."""
        span = spans.get(0, Span(0, 0))
        inside = [each for each in self._kept(topic) if span.begin <= each.offset < span.end]
        for first in range(0, len(inside), AT_A_TIME):
            yield [_raw(topic, each) for each in inside[first : first + AT_A_TIME]]

    def decode(self, record: RawRecord, model: type[E]) -> E:
        """See Reading."""
        try:
            return model.model_validate_json(record.value or b"")
        except ValidationError:
            raise PoisonError(UNKNOWN_TYPE, f"it is no {model.__name__}") from None


def _let_go(error: BaseException | None) -> None:
    """Of what the stage had at hand when it failed: the frames of a traceback would keep it for weeks."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _raw(topic: str, kept: _Kept) -> RawRecord:
    raw = kept.letter.raw
    value = raw.event.model_dump_json().encode()
    return RawRecord(topic, 0, kept.offset, kept.at, raw.key, value, kept.headers)
