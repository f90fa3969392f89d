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
