"""Lines of libraries. What they say is told as it stands in their source, the numbers in it filled in, and
where it stands: what else they fill in may be an address with a password, or a person's text."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from structlog.typing import Processor

from shared.domain.told import shown_path, told

KAFKA_CLIENT: Final = "aiokafka"
"""The Kafka client's logger: it speaks of topics, groups and servers, which are told as they are named."""
WITHHELD: Final = "(words withheld)"
"""In place of a line that was put together before it came here."""
_ASYNCIO: Final = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Task was destroyed but it is pending!",
    "Exception in callback",
    "Unhandled exception in event loop",
    "Unhandled error in exception handler",
    "Exception in default exception handler",
    "unhandled exception during asyncio.run() shutdown",
    "an error occurred during closing of asynchronous generator",
    "Error on transport creation for incoming connection",
    "Fatal error on transport",
    "Fatal error on SSL protocol",
    "Fatal read error on socket transport",
    "Fatal write error on socket transport",
    "Fatal error on pipe transport",
    "Fatal error: protocol",
    "SSL error in data received",
    "SSL handshake failed",
    "socket.accept() out of system resource",
    "socket.send() raised exception.",
    "Executing",
)
"""How the lines of the event loop begin; what follows is the repr of tasks, and in it their exceptions."""
_NAME: Final = re.compile(r"[A-Za-z0-9._:/\[\]-]{1,200}")
_MOST: Final = 20
"""Of a collection so many are told."""


class Strangers(logging.Formatter):
    """Writes a record of a library as a line of ours. Never raises."""

    def __init__(self, processors: list[Processor]) -> None:
        super().__init__()
        self._processors = processors

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line: Any = {
            "event": _words(record),
            "logger": record.name,
            "at": f"{shown_path(record.pathname)}:{record.lineno}",
        }
        if (held_back := getattr(record, "held_back", 0)) and isinstance(held_back, int):
            line["held_back"] = held_back
        if record.exc_info:
            line["exc_info"] = record.exc_info
        for processor in self._processors:
            line = processor(None, record.levelname.lower(), line)
        return json.dumps(line)


def _words(record: logging.LogRecord) -> str:
    said = record.msg
    if not isinstance(said, str):
        return WITHHELD
    if record.name == "asyncio" and (known := [each for each in _ASYNCIO if said.startswith(each)]):
        return max(known, key=len)
    if not _stands_in_source(record, said):
        return WITHHELD
    if not record.args:
        return said
    named = record.name.partition(".")[0] == KAFKA_CLIENT
    args: Any = record.args
    try:
        if isinstance(args, Mapping):
            return said % {name: _shown(value, named=named) for name, value in args.items()}
        return said % tuple(_shown(value, named=named) for value in args)
    except (TypeError, ValueError, KeyError):
        return said


def _stands_in_source(record: logging.LogRecord, said: str) -> bool:
    """Whether who logs has these very words in the code: what is put together while it runs is not there."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == record.funcName and code.co_filename == record.pathname:
            return said in code.co_consts
        frame = frame.f_back  # type: ignore[assignment]  # the outermost has none
    return False


class _Word(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _shown(value: Any, *, named: bool) -> Any:
    """An argument of a line; `named`: names are told."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return _Word(told(value))
    if isinstance(value, type):
        return _Word(value.__name__)
    if isinstance(value, str):
        return _Word(value if named and _NAME.fullmatch(value) else "<str>")
    if isinstance(value, tuple | list | set | frozenset):
        return _Word(f"({', '.join(str(_shown(each, named=named)) for each in [*value][:_MOST])})")
    return _Word(f"<{type(value).__name__}>")
