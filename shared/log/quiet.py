"""Keeps a library's log within reason: while Kafka is down its client writes thousands of lines a second, and
it calls errors what belongs to every start and every rebalance."""

from __future__ import annotations

import logging
import time

_ORDINARY = (
    "Marking the coordinator dead",
    "Group Coordinator Request failed",
    "Error sending %s to node %s [%s] -- marking coordinator dead",
    "Failed fetch offsets from",
    "Heartbeat failed for group",
    "Topic %s is not available during auto-create",
)
"""How the lines begin that aiokafka writes when a group begins, moves or looks for its coordinator."""


class Calm(logging.Filter):
    """Gives lines the weight that they have for ops: the client tries all this again by itself, and where it
    lasts, our own lines, /readyz and the metrics say so. An exception stays an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            return True
        if record.msg.startswith(_ORDINARY):
            record.levelno, record.levelname = logging.INFO, "INFO"
        elif record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


class RateLimit(logging.Filter):
    """Lets `per_second` records a second through and says once how many it held back."""

    def __init__(self, per_second: int = 5) -> None:
        super().__init__()
        self._per_second = per_second
        self._second = 0
        self._seen = 0
        self._held_back = 0

    def filter(self, record: logging.LogRecord) -> bool:
        second = int(time.time())
        if second != self._second:
            if self._held_back:
                record.msg = f"{record.getMessage()} (and {self._held_back} lines held back)"
                record.args = ()
            self._second, self._seen, self._held_back = second, 0, 0
        self._seen += 1
        if self._seen > self._per_second:
            self._held_back += 1
            return False
        return True


def quieten(logger: str = "aiokafka", per_second: int = 5) -> None:
    """Limit a library's loggers together, whatever handlers there are. A second call changes nothing."""
    root = logging.getLogger(logger)
    limit = next((f for f in root.filters if isinstance(f, RateLimit)), None)
    if limit is not None:
        return
    limit, calm = RateLimit(per_second), Calm()
    _add(root, calm, limit)
    for name, child in logging.Logger.manager.loggerDict.items():
        # A filter of a logger does not see what its children log.
        if name.startswith(f"{logger}.") and isinstance(child, logging.Logger):
            _add(child, calm, limit)


def _add(logger: logging.Logger, *filters: logging.Filter) -> None:
    for each in filters:
        logger.addFilter(each)
