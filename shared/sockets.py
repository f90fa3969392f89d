"""What has the system drop a TCP connection whose other end is not heard of, beside our own bounds."""

from __future__ import annotations

import socket
from typing import Final

QUIET, BETWEEN, PROBES = 15, 5, 3
"""A connection that is silent for 15 s is asked three times, and dropped after 30 s; so is one whose packets
are not acknowledged for as long. What forgets idle connections on the way does so after minutes."""

_WANTED: Final = {
    "TCP_KEEPIDLE": QUIET,
    "TCP_KEEPINTVL": BETWEEN,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": 1000 * (QUIET + BETWEEN * PROBES),
}
KEEP_ALIVE: Final[list[tuple[int, int, int]]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _WANTED.items()
        if hasattr(socket, name)  # not every system has them all
    ),
]
"""Level, option and value, for `setsockopt`."""

UNTAKEN_SECONDS: Final = 60
"""So long a client may take nothing of an answer. Else one that sends requests and reads no answer would hold
its connection for ever, whoever it is."""
ACCEPTING: Final[list[tuple[int, int, int]]] = [
    *(each for each in KEEP_ALIVE if each[1] != getattr(socket, "TCP_USER_TIMEOUT", None)),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), 1000 * UNTAKEN_SECONDS)
        for name in ("TCP_USER_TIMEOUT",)
        if hasattr(socket, name)
    ),
]
"""The same for a socket that listens: what it accepts has them, too."""
