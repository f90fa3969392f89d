"""The records of dead letters, where they lie on the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from uuid import UUID

from prometheus_client import CollectorRegistry

from shared.domain.errors import UsageError
from shared.log.burials import id_of, place_of
from shared.log.kafka.client import KafkaLog
from shared.log.metrics import PoolMetrics
from shared.log.reading import RawRecord, Reading, Span
from shared.settings import Settings
from shared.store.dead_letters import LetterRow

IN_MEMORY = (
    "KAFKA_BOOTSTRAP_SERVERS is not set: this deployment has its log in memory, where a record goes with the "
    "process that had it. `soulprint submit` asks for its import again, `soulprint replay` for what is dead"
)
_WIDEST_GAP = 1000
"""Letters between two that are wanted, up to which they are read in one go."""


def kafka_of(settings: Settings) -> KafkaLog:
    """Raises UsageError where there is none."""
    if not settings.kafka_bootstrap_servers:
        raise UsageError(IN_MEMORY)
    return KafkaLog.of(settings, PoolMetrics(CollectorRegistry()))


async def records_of(reading: Reading, rows: Sequence[LetterRow]) -> Mapping[UUID, RawRecord]:
    """The letters of these rows, by id: rows of one topic and partition, in their order. Without those that
    lie there no more."""
    found: dict[UUID, RawRecord] = {}
    place = place_of(rows[0].topic) if rows else None
    if place is None:
        return found
    wanted = {row.letter_offset: row.id for row in rows}
    for span in _spans(sorted(wanted)):
        async with aclosing(reading.read(place.letters, {rows[0].letter_partition: span})) as read:
            async for records in read:
                for record in records:
                    letter = wanted.get(record.offset)
                    # A topic that was made anew has another letter there.
                    if letter is not None and id_of(record) == letter:
                        found[letter] = record
    return found


def _spans(offsets: Sequence[int]) -> list[Span]:
    spans: list[Span] = []
    for offset in offsets:
        if spans and offset - spans[-1].end < _WIDEST_GAP:
            spans[-1] = Span(spans[-1].begin, offset + 1)
        else:
            spans.append(Span(offset, offset + 1))
    return spans
