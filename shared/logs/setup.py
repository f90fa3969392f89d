"""Structured logs on standard error: JSON lines with ids, sizes and hashes, never a person's text."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

from shared.logs.hooks import take_hooks
from shared.logs.lines import plain_values, where_it_broke, whole_errors
from shared.logs.strangers import KAFKA_CLIENT, Strangers
from shared.logs.withholding import Withholding


class _StandardError:
    """Standard error as it is when a line is written: whoever replaces it for a while gets the lines."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Handler(logging.StreamHandler[TextIO]):
    """A line that cannot be written is lost: logging would write it, whole, to say so."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """See logging.Handler."""


def configure_logs(level: str = "warning", *, limited: bool = False, command: bool = False) -> None:
    """Send every log line of this process, our own, libraries' and Python's, to standard error as one JSON
    line. `limited`: not more of our own each second than somebody could read (Withholding). `command`: a
    person reads, whom the lines of the Kafka client tell nothing."""
    stream = cast(TextIO, _StandardError())
    shared: list[Processor] = [
        where_it_broke,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        whole_errors,
        plain_values,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    limit: list[Processor] = [Withholding()] if limited else []
    structlog.configure(
        processors=[*limit, *shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(stream)
    handler.setFormatter(Strangers(shared))
    logging.getLogger(KAFKA_CLIENT).setLevel(logging.CRITICAL if command else logging.NOTSET)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    take_hooks()


def leave_logs_to_the_program() -> None:
    """In a program of somebody else's: our lines go to standard error from a warning on, unless the program
    has set structlog up itself. Nothing of its own logging is touched."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                where_it_broke,
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                plain_values,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.dev.ConsoleRenderer(colors=False),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        )
