"""Putting records back on their topics: their runs are opened again first, then the records are published,
many at a time, then that is noted. Ended at any moment, the same may be asked again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any
from uuid import UUID

from shared.domain.errors import BusyError
from shared.domain.events import Event, MemoryReady
from shared.log.burials import is_left_out, place_of, record_of
from shared.log.deadletter import Sender
from shared.log.reading import RawRecord, Reading
from shared.pipelines import V1
from shared.resilience.faults import NoTopicError, PoisonError, TopicRefusedError
from shared.store.dead_letters import LetterFilter, LetterRow, Requeue
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.dead.reaching import records_of

BATCH = 500
"""Letters that are taken, published and noted together: a kill repeats at most so many."""
BATCH_BYTES = 16 * 1024**2
LEASE = "dead_letters.requeue"
TERM = 30.0
"""Seconds after which one that was killed is no longer waited for."""
DONE = "done"
READ_SINCE = "its chunk was read since, or is none of the run's"
"""Why nothing is to be done about a letter: one that was put back by a command that was killed before it
noted that, say. It is settled so, for nobody can do anything about it."""
MOST_TOLD = 100
"""Letters of one reason that are named."""


@dataclass(slots=True)
class Outcome:
    """What became of letters."""

    requeued: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Those that were left, by the reason."""
    left: dict[str, list[UUID]] = field(default_factory=dict)
    """The first of them."""

    def leave(self, letter: UUID, reason: str) -> None:
        """This one was not requeued."""
        self.counts[reason] += 1
        named = self.left.setdefault(reason, [])
        if len(named) < MOST_TOLD:
            named.append(letter)


class PuttingBack:
    """One command's requeueing."""

    def __init__(
        self,
        store: Store,
        reading: Reading,
        sender: Sender,
        asked: Asked,
        *,
        owner: str,
        pipeline: str,
        prefix: str = "",
        force: bool = False,
        tell: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._store = store
        self._reading = reading
        self._sender = sender
        self._asked = asked
        self._owner = owner
        self._served = (None, V1, pipeline)
        self._prefix = prefix
        self._force = force
        self._tell = tell
        self._topics: frozenset[str] = frozenset()
        self.outcome = Outcome()

    async def run(self, which: LetterFilter) -> Outcome:
        """Requeue what is asked for, of what lies there now. Raises SoulprintError; BusyError if another
        command is at it."""
        self._topics = frozenset(await self._reading.topics())
        ends = await self._ends()
        try:
            await self._alone()
            async for batch in self._batches(which, ends):
                await self._alone()
                await self._put_back(batch)
                self._tell(self.outcome.requeued)
        finally:
            await self._store.release_lease(LEASE, self._owner)
        return self.outcome

    async def _alone(self) -> None:
        if not await self._store.take_lease(LEASE, self._owner, TERM):
            raise BusyError(
                f"another `soulprint dead requeue` is at work; one that was killed is waited for {TERM:g} s"
            )

    async def _ends(self) -> dict[str, dict[str, int]]:
        """Where each dead-letter topic ends now: what is buried from now on is left for the next command. Of
        one that is gone, where it ended when it was read last, so that its letters are told of."""
        ends: dict[str, dict[str, int]] = {}
        for position in await self._store.read_dead_letter_positions():
            ends.setdefault(position.topic, {})[str(position.partition)] = position.next_offset
        for topic, partitions in ends.items():
            place = place_of(topic)
            if place is not None and place.letters in self._topics:
                spans = await self._reading.spans(place.letters)
                for number, span in spans.items():
                    partitions[str(number)] = max(span.end, partitions.get(str(number), 0))
        return ends

    async def _batches(
        self, which: LetterFilter, ends: dict[str, dict[str, int]]
    ) -> AsyncIterator[Sequence[LetterRow]]:
        """Letters of one partition, in their order."""
        if which.ids is None:
            which = replace(which, state="open")
        after, seen = None, set[UUID]()
        while page := await self._store.find_dead_letters(which, ends=ends, after=after, limit=BATCH):
            after = page[-1].key
            if which.ids is not None:
                seen.update(row.id for row in page)
            for _, rows in groupby(page, key=lambda row: (row.topic, row.letter_partition)):
                size, batch = 0, list[LetterRow]()
                for row in rows:
                    if batch and size + row.size > BATCH_BYTES:
                        yield batch
                        size, batch = 0, []
                    batch.append(row)
                    size += row.size
                yield batch
        for letter in which.ids or ():
            if letter not in seen:
                self.outcome.leave(letter, "unknown")

    async def _put_back(self, rows: Sequence[LetterRow]) -> None:
        place = place_of(rows[0].topic)
        wanted = [row for row in rows if not self._is_left(row)]
        if place is None or not wanted:
            return
        records = await records_of(self._reading, wanted)
        ready: dict[UUID, tuple[RawRecord, Requeue]] = {}
        for row in wanted:
            record = records.get(row.id)
            if record is None:
                self.outcome.leave(row.id, "gone")
            elif is_left_out(record):
                self.outcome.leave(row.id, "left_out")
            else:
                key, value, headers = record_of(record)
                whole = replace(record, key=key, value=value, headers=tuple(headers))
                try:
                    event = self._reading.decode(whole, place.event)
                except PoisonError as error:
                    self.outcome.leave(row.id, f"unreadable: {error.reason}")
                else:
                    ready[row.id] = (whole, _taken(row.id, event))
        if not ready:
            return
        refused = await self._store.take_dead_letters([take for _, take in ready.values()], force=self._force)
        for each in refused:
            self.outcome.leave(each.id, each.reason)
            del ready[each.id]
        if done := [each.id for each in refused if each.reason == DONE]:
            await self._store.settle_dead_letters(done, "dropped", by=self._asked.by, reason=READ_SINCE)
        await self._publish(
            self._prefix + place.topic, {letter: record for letter, (record, _) in ready.items()}
        )

    def _is_left(self, row: LetterRow) -> bool:
        """Whether there is nothing to be had of it, and that is noted."""
        place = place_of(row.topic)
        reason: str | None = None
        if row.state != "open":
            reason = row.state
        elif place is None or place.pipeline not in self._served:
            reason = "retired"
        elif place.topic not in self._topics:
            reason = "no_topic"
        elif row.gone or place.letters not in self._topics:
            reason = "gone"
        if reason is not None:
            self.outcome.leave(row.id, reason)
        return reason is not None

    async def _publish(self, to: str, records: dict[UUID, RawRecord]) -> None:
        sends = [
            self._sender.send(to, key=each.key, value=each.value, headers=each.headers)
            for each in records.values()
        ]
        results = await asyncio.gather(*sends, return_exceptions=True)
        done, broken = [], None
        for letter, result in zip(records, results, strict=True):
            if result is None:
                done.append(letter)
            elif isinstance(result, NoTopicError) and not isinstance(result, TopicRefusedError):
                self.outcome.leave(letter, "no_topic")
            elif isinstance(result, PoisonError):
                self.outcome.leave(letter, result.reason)
            else:
                broken = result
        if done:
            asked = self._asked
            await self._store.settle_dead_letters(done, "requeued", by=asked.by, reason=asked.reason)
            self.outcome.requeued += len(done)
        if broken is not None:
            raise broken


def _taken(letter: UUID, event: Event) -> Requeue:
    memory: dict[str, Any] | None = None
    if isinstance(event, MemoryReady):
        memory = event.model_dump(mode="json")
    return Requeue(
        id=letter,
        import_id=event.import_id,
        user_id=event.user_id,
        run=event.run,
        index=getattr(event, "index", None),
        edition=getattr(event, "edition", None),
        memory=memory,
    )
