"""Ports that tests may count on."""

from __future__ import annotations

import os
import random
import socket
from collections import deque

_PORTS = range(15_000, 32_000)
"""Below those that the system gives to whoever connects, which come and go."""
_drawn = random.SystemRandom()
_held: deque[int] = deque()
"""File descriptors, which the end of the process closes without a word."""
_MOST_HELD = 200


def free_port() -> int:
    """A port of the loopback interface that nobody listens on, and that no other worker of `make test` is
    given meanwhile: a server that is killed finds its port free again. Whoever was given it holds UDP's port
    of the same number; the last few hundred stay held."""
    while True:
        port = _drawn.choice(_PORTS)
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        _held.append(held.detach())
        if len(_held) > _MOST_HELD:
            os.close(_held.popleft())
        return port
