"""Connections to an HTTP server of ours: how many there are, and how long each may keep us waiting.

The server itself bounds neither: whoever sends half a head, or takes an answer byte by byte, is held for
ever, with a descriptor that the database and the log need.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.sockets import UNTAKEN_SECONDS

HEAD_BYTES: Final = 64 * 1024
"""Most of a request's head."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one server."""

    connections: int
    """Most that are open, and never more than half of what the process may open. Who comes then takes the
    place of who has kept us waiting longest; where nobody does, who comes is refused."""
    head_seconds: float = 30.0
    """For the next head: since the connection was made, or, after a request, since the head's first bytes. So
    long, too, the rest of a body may come that was answered before its end."""
    untaken_seconds: float = UNTAKEN_SECONDS
    """For a client to take what waits here of an answer; and as long as the slowest line takes for it."""
    slowest_bytes: int = 4 * 1024
    """A second, of the slowest line that counts."""

    def options(self) -> dict[str, Any]:
        """How one server keeps them (uvicorn's names). h11 bounds a head that comes in pieces; httptools
        bounds none."""
        most, (may_open, _) = self.connections, resource.getrlimit(resource.RLIMIT_NOFILE)
        if may_open != resource.RLIM_INFINITY:
            most = min(most, may_open // 2)
        return {
            "http": partial(Bounded, _Owing(self, most)),
            "h11_max_incomplete_event_size": HEAD_BYTES,
        }


class _Owing:
    """The connections of one server that wait for their clients, in the order in which they began to."""

    def __init__(self, bounds: Bounds, most: int) -> None:
        self.bounds = bounds
        self.most = most
        self.waiting: dict[Bounded, None] = {}

    def longest(self) -> Bounded | None:
        return next(iter(self.waiting), None)


class Bounded(H11Protocol):
    """A connection within its bounds."""

    _late: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None

    def __init__(self, among: _Owing, **given: Any) -> None:
        super().__init__(**given)
        self._among = among

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See the base class."""
        full = len(self.connections) >= self._among.most
        super().connection_made(transport)
        if full:
            (self._among.longest() or self)._end()
        if not transport.is_closing():
            self._expect()

    def data_received(self, data: bytes) -> None:
        """See the base class."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self._is_answered_early():
            self._expect()
        else:
            self._forget()

    def on_response_complete(self) -> None:
        """See the base class."""
        super().on_response_complete()
        if self._is_answered_early():
            self._expect()
        elif self.conn.their_state is h11.IDLE:  # at rest, or gone: the server's own clock runs
            self._among.waiting[self] = None
        if self.transport.get_write_buffer_size():
            self._watch_taking()

    def pause_writing(self) -> None:
        """See the base class."""
        super().pause_writing()
        self._watch_taking()

    def resume_writing(self) -> None:
        """See the base class."""
        super().resume_writing()
        self._watch_taking()

    def connection_lost(self, exc: Exception | None) -> None:
        """See the base class."""
        self._forget()
        self._stop_watching()
        super().connection_lost(exc)

    def _is_answered_early(self) -> bool:
        return (
            self.cycle is not None and self.cycle.response_complete and self.conn.their_state is h11.SEND_BODY
        )

    def _expect(self) -> None:
        self._among.waiting.setdefault(self)
        if self._late is None:
            self._late = self.loop.call_later(self._among.bounds.head_seconds, self._end)

    def _forget(self) -> None:
        self._among.waiting.pop(self, None)
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _watch_taking(self) -> None:
        """From now on what waits for the client is to be taken in time."""
        self._stop_watching()
        if size := self.transport.get_write_buffer_size():
            bounds = self._among.bounds
            seconds = bounds.untaken_seconds + size / bounds.slowest_bytes
            self._untaken = self.loop.call_later(seconds, self._end_untaken)

    def _stop_watching(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _end_untaken(self) -> None:
        self._untaken = None
        if self.transport.get_write_buffer_size():
            self._end()

    def _end(self) -> None:
        """Give the descriptor back. A close would first wait until the client has taken what is written."""
        self._forget()
        self.connections.discard(self)
        self.transport.abort()
