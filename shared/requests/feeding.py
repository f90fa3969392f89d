"""Feeding another pipeline what lies on the log: a shadow run of each import that was asked for in a time.

Imports reach the log in two ways: an app's own events lie on `import.received`, what the gateway or a command
accepted lies on the topic of the lane that it was sent to. All of these are read, beside their readers. The
database knows each run, and so whether it was fed before: a feed keeps no place of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from shared.domain.events import ImportReceived
from shared.domain.ids import shadow_id
from shared.domain.runs import RunKind
from shared.log.ports import Publisher
from shared.log.reading import RawRecord, Reading, Span
from shared.pipelines import IMPORT_RECEIVED, V1, topic
from shared.requests.accept import Offer
from shared.requests.relay import offer_of
from shared.resilience.faults import PoisonError
from shared.store.feeding import OnLog
from shared.store.store import Store

BATCH = 100
"""Runs that are asked for in one call."""
LOOK_SECONDS = 1.0
"""Between looks whether the pipeline has room again."""
UNREADABLE = "unreadable"
BESIDE = "beside"
"""What becomes of an event of a run that nobody asked for: first sections, a fallback, a shadow run."""


def sources(served: str) -> tuple[str, ...]:
    """Base names of the topics that imports of a deployment lie on."""
    return tuple(
        dict.fromkeys((topic(IMPORT_RECEIVED), topic(IMPORT_RECEIVED, V1), topic(IMPORT_RECEIVED, served)))
    )


@dataclass(frozen=True, slots=True)
class Sought:
    """What is to be fed, and how fast."""

    pipeline: str
    served: str
    since: int
    """Unix milliseconds: events that were put on the log from then on; so is `until`."""
    until: int | None = None
    at_once: int = 16
    """Most runs of the pipeline that are unfinished."""
    rate: float | None = None
    """Most imports a minute."""


@dataclass(slots=True)
class Progress:
    """How far a feed is."""

    events: int = 0
    """In all, as counted at its start."""
    read: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    unfinished: int = 0
    waits: bool = False
    """For the pipeline to end what it has."""
    cut: tuple[str, ...] = ()
    """Topics on which retention has taken what lay at the beginning of the time."""

    @property
    def fed(self) -> int:
        return self.outcomes["fed"] + self.outcomes["owed"]


class Feed:
    """One feed, from its start to its end. Whatever interrupts it, another goes on where it was."""

    def __init__(
        self,
        sought: Sought,
        reading: Reading,
        store: Store,
        publisher: Publisher,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._sought = sought
        self._reading = reading
        self._store = store
        self._publisher = publisher
        self._look = look_seconds
        self._next = 0.0
        self.progress = Progress()

    async def run(self, tell: Callable[[Progress], None] = lambda _: None) -> Progress:
        """Feed what lies on the log at this moment. Raises LaneError, StoreError, LogUnavailableError."""
        sought, progress = self._sought, self.progress
        spans = {
            name: await self._reading.spans(name, sought.since, sought.until)
            for name in sources(sought.served)
        }
        progress.events = sum(span.end - span.begin for each in spans.values() for span in each.values())
        progress.cut = tuple([name for name, each in spans.items() if await self._is_cut(name, each)])
        for name, each in spans.items():
            async for records in self._records(name, each):
                await self._feed(records, tell)
                progress.read += len(records)
                tell(progress)
        return progress

    async def _is_cut(self, name: str, spans: Mapping[int, Span]) -> bool:
        """Whether a partition begins after its first record, and all that is left of it is asked for."""
        left = await self._reading.spans(name)
        return any(0 < left[number].begin == span.begin for number, span in spans.items() if number in left)

    async def _records(self, name: str, spans: Mapping[int, Span]) -> AsyncIterator[Sequence[RawRecord]]:
        async with aclosing(self._reading.read(name, spans)) as reading:
            async for records in reading:
                for first in range(0, len(records), BATCH):
                    yield records[first : first + BATCH]

    async def _feed(self, records: Iterable[RawRecord], tell: Callable[[Progress], None]) -> None:
        sought, progress, found = self._sought, self.progress, list(self._found(records))
        while found:
            if (early := self._next - time.monotonic()) > 0:
                await asyncio.sleep(early)
            most = BATCH if sought.rate is None else 1
            answer = await self._store.feed_runs(sought.pipeline, found, at_once=sought.at_once, most=most)
            await self._offer([offer_of(each.run) for each in answer.answers if each.run is not None])
            outcomes = Counter(each.outcome for each in answer.answers)
            if sought.rate is not None and outcomes["fed"]:
                self._next = time.monotonic() + 60.0 / sought.rate
            progress.outcomes += outcomes
            progress.unfinished = answer.unfinished
            found = found[len(answer.answers) :]
            progress.waits = bool(found) and answer.unfinished >= sought.at_once
            tell(progress)
            if progress.waits:
                await asyncio.sleep(self._look)

    def _found(self, records: Iterable[RawRecord]) -> Iterable[OnLog]:
        for record in records:
            try:
                event = self._reading.decode(record, ImportReceived)
            except PoisonError:
                self.progress.outcomes[UNREADABLE] += 1
                continue
            if event.kind is not RunKind.PRIMARY:
                self.progress.outcomes[BESIDE] += 1
                continue
            yield OnLog(
                event.import_id, event.run, event.user_id, shadow_id(event.import_id, self._sought.pipeline)
            )

    async def _offer(self, offers: Sequence[Offer]) -> None:
        await asyncio.gather(*(each.publish(self._publisher) for each in offers))
        if offers:  # what is not noted, a relay or the next feed offers once more
            await self._store.note_offered([each.key for each in offers])
