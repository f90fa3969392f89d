"""Structured logs on standard error: JSON lines with ids, sizes and hashes, never a person's text."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog import DropEvent
from structlog.typing import Processor

FRAMES = 8
"""Most places that are told of where an exception went through the code, the last ones."""
KAFKA_CLIENT = "aiokafka"
"""The Kafka client's logger. What it says of a broker that is down, the error of a command says better."""


class _StandardError:
    """Standard error as it is when a line is written: whoever replaces it for a while gets the lines."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class Withholding:
    """A structlog processor that lets `per_second` lines of a second of the clock through.

    The first line of a kind (its event and its stage) always passes, and again after it was not heard of for
    `forget` seconds. The next line that passes says in `withheld` how many were not written, by event.
    """

    def __init__(
        self, per_second: int = 4, *, forget: float = 10.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._per_second = per_second
        self._forget = forget
        self._clock = clock
        self._second = 0
        self._written = 0
        self._heard: dict[tuple[Any, Any], float] = {}
        self._withheld: Counter[str] = Counter()

    def __call__(self, _: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line, or DropEvent."""
        now = self._clock()
        if int(now) != self._second:
            self._second, self._written = int(now), 0
        kind = (line.get("event"), line.get("stage") or line.get("step"))
        known = now - self._heard.get(kind, -self._forget) < self._forget
        self._heard[kind] = now
        if known and self._written >= self._per_second:
            self._withheld[str(line.get("event"))] += 1
            raise DropEvent
        self._written += 1
        if self._withheld:
            line["withheld"] = dict(self._withheld)
            self._withheld.clear()
        return line


def configure_logs(level: str = "warning", *, limited: bool = False, command: bool = False) -> None:
    """Send every log line of this process, our own and libraries', to standard error as one JSON line.
    `limited`: not more of our own each second than somebody could read (Withholding). `command`: a
    person reads, whom the lines of the Kafka client tell nothing."""
    stream = cast(TextIO, _StandardError())
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _whole_errors,
        stamp,
    ]
    limit: list[Processor] = [Withholding()] if limited else []
    structlog.configure(
        processors=[
            *limit,
            _where_it_broke,
            *shared,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[*shared, _short_exception],
        )
    )
    logging.getLogger(KAFKA_CLIENT).setLevel(logging.CRITICAL if command else logging.NOTSET)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def leave_logs_to_the_program() -> None:
    """In a program of somebody else's: our lines go to standard error from a warning on, unless the program
    has set structlog up itself. Nothing of its own logging is touched."""
    if not structlog.is_configured():
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        )


def _whole_errors(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An error always says whose it was, None for nobody's, in which step, and what happened."""
    if line.get("level") == "error":
        line.setdefault("user_id", None)
        line.setdefault("step", line.get("stage") or line.get("service") or line.get("logger"))
        line.setdefault("error", line.get("event"))
    return line


def _where_it_broke(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of an exception its class and its way through the code, not its words: they could hold anything."""
    found = line.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found
    if isinstance(error, BaseException):
        line.setdefault("error", type(error).__name__)
        frames = traceback.extract_tb(error.__traceback__)
        line["through"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:]]
    return line


def _short_exception(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's exception its class: what it says could hold anything."""
    exc_info = line.pop("exc_info", None)
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        line["error"] = exc_info[0].__name__
    return line
