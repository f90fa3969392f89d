"""Ctrl-C, SIGTERM and a terminal that goes away, before a command works and for those that say nothing.

It imports next to nothing: from its import on, a command that is stopped says so.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_BEGUN = "stopped before anything was read or stored."
_SHELLS_ADD = 128
"""What shells add to a signal's number to make an exit code of it."""


def begin() -> None:
    """From the first moment of a command: a signal ends it at once, with a word."""
    handle(lambda number, _: end_at_once(number, NOT_BEGUN))


def leave() -> None:
    """Signals as Python has them."""
    handle(signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Put a handler on all of them but those that whoever started us wants to be ignored, as nohup does."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def end_at_once(number: int, words: str) -> None:
    """End the process, with nothing closed."""
    with suppress(OSError):  # the terminal may be what went away
        os.write(2, f"soulprint: {words}\n".encode())
    os._exit(exit_code(number))


def exit_code(number: int) -> int:
    """Of a command that a signal stopped, as shells have it."""
    return _SHELLS_ADD + number
