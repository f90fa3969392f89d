"""The index of dead letters: what lies on dead-letter topics is noted in the database, where it can be
listed. One leader at a time, for all pipelines; how far it has read it knows from the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

import structlog

from shared.domain.errors import SoulprintError
from shared.domain.events import FactsExtracted
from shared.domain.told import told
from shared.host.service import Kit, parting
from shared.log.burials import Place, burial_of, is_dead, place_of
from shared.log.ports import LogRefusedError
from shared.log.reading import RawRecord, Span
from shared.pipelines import FACTS_EXTRACTED, all_topics, live_topics
from shared.resilience.faults import PoisonError
from shared.store.dead_letters import LetterPosition, NewLetter

LEASE = "dead_letters"
TERM = 3.0
"""The lead lasts so many looks without a sign of its holder."""
LEAST_TERM = 30.0
"""And so many seconds at least: a look at many letters takes a while."""
AT_A_TIME = 500
"""Letters that are recorded in one call."""
SHOWN = 50
"""Topics and reasons that have a figure of their own; a reason may be anybody's word. The rest is one."""
OTHERS = "other"

log = structlog.get_logger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DeadLetterIndex:
    """Reads dead-letter topics for as long as it runs; who does not lead only asks for the lead."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._every = kit.settings.dead_letter_seconds
        self._term = max(LEAST_TERM, TERM * self._every)
        self._checked: set[tuple[str, int]] = set()
        """Partitions of which this process has seen that they are those that were read before."""

    async def run(self) -> None:
        """Look again and again until cancelled; gives the lead back then."""
        try:
            while True:
                await asyncio.sleep(self._every)
                try:
                    await self.look()
                except SoulprintError as error:
                    log.warning("dead letters not read", stage="dead letters", error=told(error))
        finally:
            async with parting():  # else the lead runs out by itself
                await self._kit.store.release_lease(LEASE, self._kit.owner)

    async def look(self) -> int:
        """One look at every dead-letter topic that there is, if we lead: how many letters were new. Raises
        SoulprintError; LogRefusedError if one of them is refused to us, after a look at the others."""
        if not await self._lead():
            self._checked.clear()
            self._kit.metrics.dead_letters_open.clear()
            return 0
        positions = {
            (each.topic, each.partition): each for each in await self._kit.store.read_dead_letter_positions()
        }
        names = {name for name in await self._kit.reading.topics() if is_dead(name)}
        names |= {f"{topic}.dlq" for topic, _ in positions}
        # Those that must be there are asked for by name: one that is not shown to us is told of.
        names |= {spec.dead.name for spec in live_topics(self._kit.settings.pipeline)}
        fresh, refused = 0, None
        for place in filter(None, map(place_of, sorted(names))):
            try:
                fresh += await self._read(place, positions)
            except LogRefusedError as error:
                refused = error
        if fresh:
            log.warning("dead letters found", stage="dead letters", letters=fresh)
        await self._show()
        if refused is not None:
            raise refused
        return fresh

    async def _lead(self) -> bool:
        return await self._kit.store.take_lease(LEASE, self._kit.owner, self._term)

    async def _read(self, place: Place, positions: dict[tuple[str, int], LetterPosition]) -> int:
        spans = await self._kit.reading.spans(place.letters)
        known = {number: each for (topic, number), each in positions.items() if topic == place.topic}
        fresh = 0
        for number in sorted({*spans, *known}):
            position = known.get(number) or LetterPosition(topic=place.topic, partition=number)
            fresh += await _Partition(self._kit, place, position, self._checked).read(spans.get(number))
            if not await self._lead():
                break
        return fresh

    async def _show(self) -> None:
        gauge = self._kit.metrics.dead_letters_open
        served = {spec.name for spec in all_topics(self._kit.settings.pipeline)}
        counts = await self._kit.store.count_open_letters(10 * SHOWN)
        gauge.clear()
        for number, each in enumerate(counts):
            few = number < SHOWN
            topic = each.topic if few and each.topic in served else OTHERS
            gauge.labels(topic, (each.reason or "unknown") if few else OTHERS).inc(each.open)


class _Partition:
    """One partition of a dead-letter topic, read on from where it was left."""

    def __init__(
        self, kit: Kit, place: Place, position: LetterPosition, checked: set[tuple[str, int]]
    ) -> None:
        self._kit = kit
        self._place = place
        self._at = position
        self._checked = checked

    async def read(self, span: Span | None) -> int:
        """Record what is new in it; None: there is no such partition any more."""
        at, key = self._at, (self._at.topic, self._at.partition)
        if span is None:
            self._checked.discard(key)
            if at.next_offset or at.last_timestamp is not None:
                await self._record([], Span(0, 0), 0, anew=True)
            return 0
        anew = span.end < at.next_offset
        if (
            not anew
            and at.next_offset > span.begin
            and (at.next_offset < span.end or key not in self._checked)
        ):
            anew = await self._is_another(at.next_offset - 1)
        self._checked.add(key)
        if anew:
            log.warning("a dead-letter topic was made anew", stage="dead letters", topic=self._place.letters)
        begin = span.begin if anew else max(span.begin, at.next_offset)
        if begin == span.end and (at.begin_offset, at.next_offset) == (span.begin, begin) and not anew:
            return 0
        return await self._read_on(Span(begin, span.end), span, anew=anew)

    async def _is_another(self, offset: int) -> bool:
        """Whether the letter there is not the one that was read last."""
        wanted = {self._at.partition: Span(offset, offset + 1)}
        async with aclosing(self._kit.reading.read(self._place.letters, wanted)) as found:
            async for records in found:
                return records[0].timestamp != self._at.last_timestamp
        return False

    async def _read_on(self, left: Span, span: Span, *, anew: bool) -> int:
        fresh, letters = 0, []
        last: int | None = None
        async with aclosing(self._kit.reading.read(self._place.letters, {self._at.partition: left})) as found:
            async for records in found:
                for record in records:
                    letters.append(self._letter(record))
                    last = record.timestamp
                    if len(letters) == AT_A_TIME:
                        fresh += await self._record(letters, span, record.offset + 1, last, anew=anew)
                        letters, anew = [], False
                await asyncio.sleep(0)
        return fresh + await self._record(letters, span, left.end, last, anew=anew)

    async def _record(
        self,
        letters: Sequence[NewLetter],
        span: Span,
        read_to: int,
        last: int | None = None,
        *,
        anew: bool,
    ) -> int:
        at = self._at
        recorded = await self._kit.store.record_dead_letters(
            at.topic,
            at.partition,
            at.generation,
            at.next_offset,
            span.begin,
            read_to,
            last,
            letters,
            anew=anew,
        )
        if recorded is None:
            raise SoulprintError(f"{self._place.letters} was read by another meanwhile")
        self._at = at.model_copy(
            update={
                "generation": at.generation + anew,
                "begin_offset": span.begin,
                "next_offset": read_to,
                "last_timestamp": last if anew or last is not None else at.last_timestamp,
            }
        )
        return recorded

    def _letter(self, record: RawRecord) -> NewLetter:
        found = burial_of(record, self._place)
        chunk_id = found.chunk_id
        if chunk_id is None and self._place.name == FACTS_EXTRACTED:
            with suppress(PoisonError):  # then nobody can tell
                chunk_id = self._kit.reading.decode(record, FactsExtracted).chunk_id
        return NewLetter(
            id=found.id,
            letter_offset=record.offset,
            buried_at=_EPOCH + timedelta(milliseconds=found.at),
            size=found.size,
            record_partition=found.record_partition,
            record_offset=found.record_offset,
            ce_id=found.ce_id,
            import_id=found.import_id,
            user_id=found.user_id,
            run=found.run,
            chunk_id=chunk_id,
            reason=found.reason,
            error_class=found.error_class,
            attempts=found.attempts,
            stage=found.stage,
        )
