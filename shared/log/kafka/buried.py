"""Which records lie on a dead-letter topic already, so that a topic read anew is not buried anew."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import structlog

from shared.log.deadletter import DeadLetter
from shared.log.kafka.connection import Connection
from shared.log.kafka.reading import KafkaReading
from shared.log.ports import LogUnavailableError
from shared.pipelines import topic

_PATIENCE = 30.0
"""Seconds to read what a dead-letter topic holds. What is not read in time may be buried twice."""
_FRESH_MS = 60_000
"""How much the clocks of those who write records may differ from ours."""
_ID = "dlq_id"

log = structlog.get_logger(__name__)


class Buried:
    """The burials that are known to this process. For one event loop.

    A record that came after this process began is looked up nowhere: hardly anybody can have buried it but
    we. Whatever is older may have been read before; then the dead-letter topic is read, once, from the time
    of that record on. Where a burial is missed all the same, the second has the id of the first.
    """

    def __init__(self, connection: Connection) -> None:
        self._log = KafkaReading(connection)  # of topics by their whole names
        self._begun = int(time.time() * 1000)
        self._ids: set[bytes] = set()
        self._read_from: dict[str, int] = {}
        """For each dead-letter topic, the time of the record from which on its letters are known."""
        self._reading = asyncio.Lock()

    async def has(self, letter: DeadLetter) -> bool:
        """Whether this record lies on its dead-letter topic. False where that cannot be told."""
        to, written = topic(letter.raw.topic, dead=True), max(0, letter.raw.timestamp)
        async with self._reading:
            old = written < self._begun + _FRESH_MS
            if old and written < self._read_from.get(to, self._begun + _FRESH_MS):
                await self._read(to, written)
        return str(letter.id).encode() in self._ids

    def note(self, letter: DeadLetter) -> None:
        """This one was buried."""
        self._ids.add(str(letter.id).encode())

    async def _read(self, to: str, since: int) -> None:
        before = len(self._ids)
        try:
            async with asyncio.timeout(_PATIENCE):
                # A letter is written after its record.
                spans = await self._log.spans(to, since)
                async with aclosing(self._log.read(to, spans)) as batches:
                    async for records in batches:
                        for record in records:
                            self._ids.update(value for name, value in record.headers if name == _ID and value)
        except LogUnavailableError as error:
            log.warning("dead letters cannot be read", topic=to, error=str(error))
            return
        except TimeoutError:
            log.warning("dead letters were not read in time", topic=to, seconds=_PATIENCE)
        self._read_from[to] = since
        log.info("dead letters read", topic=to, letters=len(self._ids) - before)
