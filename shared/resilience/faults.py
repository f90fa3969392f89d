"""What to do about an error: try again, set the record aside, or pause the lane. The one table of faults."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from shared.domain.errors import (
    CostLimitError,
    DiskFullError,
    ModelUnavailableError,
    SoulprintError,
    SourceError,
    StoreError,
    UnansweredError,
    UnknownRunError,
    UnreadableAnswerError,
    UsageError,
)


class Fault(StrEnum):
    """The four kinds of error."""

    TRANSIENT = "transient"
    """It may work the next time: try again."""
    POISON = "poison"
    """It lies in the record, which can never work: set it aside as a dead letter."""
    LANE = "lane"
    """It says nothing of the record, since no record can work now (key, spend limit, database or Kafka down):
    pause the lane, for as long as it takes."""
    UNKNOWN = "unknown"
    """It may be either: pause the lane; a record that meets it again and again, while the lane was found to
    be well and others get through, has it in itself."""


class TransientError(SoulprintError):
    """Try again, not before `retry_after` seconds where the other side named a time."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PoisonError(SoulprintError):
    """This record can never be processed. `reason` is one of few fixed words, fit for a metric's label."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LaneError(SoulprintError):
    """No record can be processed until somebody or something mends the cause."""


class NoTopicError(LaneError):
    """The log has no such topic. What goes to others goes on."""


class TopicRefusedError(NoTopicError):
    """The log may have the topic, but does not let us write to it."""


_OF_ERRORS: Mapping[type[BaseException], Fault] = MappingProxyType(
    {
        TransientError: Fault.TRANSIENT,
        PoisonError: Fault.POISON,
        SourceError: Fault.POISON,
        UnknownRunError: Fault.POISON,
        LaneError: Fault.LANE,
        ModelUnavailableError: Fault.LANE,
        CostLimitError: Fault.LANE,
        UsageError: Fault.LANE,
        DiskFullError: Fault.UNKNOWN,
        UnansweredError: Fault.UNKNOWN,
        UnreadableAnswerError: Fault.UNKNOWN,
    }
)
_OF_SQLSTATES: Mapping[str, Fault] = MappingProxyType(
    {
        "08": Fault.LANE,  # the connection
        "25": Fault.LANE,  # the transaction's state: a read-only database above all
        "26": Fault.LANE,  # a prepared statement that is gone: a pooler between
        "28": Fault.LANE,  # credentials
        "3D": Fault.LANE,  # no such database
        "3F": Fault.LANE,  # no such schema
        "42": Fault.LANE,  # a function or table that is missing, or not allowed
        "53": Fault.LANE,  # disk, memory, connections
        "57P": Fault.LANE,  # starting, stopping
        "40": Fault.TRANSIENT,  # collided with another transaction
        "55": Fault.TRANSIENT,  # a lock
        "20": Fault.POISON,
        "21": Fault.POISON,  # a row twice in one call
        "22": Fault.POISON,  # a value that does not fit
        "23": Fault.POISON,  # a rule of the schema
        "44": Fault.POISON,
        "54": Fault.POISON,  # a value too large for an index
        "SP": Fault.POISON,  # our own functions'
    }
)
"""By the beginning of the SQLSTATE. What is not here is unknown: 57014 may be a slow database or one huge
run, 58 and XX a broken disk or one damaged block."""


def fault_of(error: BaseException) -> Fault:
    """The fault of the nearest class in the table; of the database's errors by SQLSTATE, the lane's where it
    was not reached; transient for all others: attempts are bounded, and a dead letter is their end."""
    for cls in type(error).__mro__:
        if (fault := _OF_ERRORS.get(cls)) is not None:
            return fault
    if not isinstance(error, StoreError):
        return Fault.TRANSIENT
    if error.sqlstate is None:
        return Fault.LANE
    known = (_OF_SQLSTATES.get(error.sqlstate[:length]) for length in (3, 2))
    return next((fault for fault in known if fault is not None), Fault.UNKNOWN)


def reason_of(error: BaseException) -> str:
    """A word for a metric's label: a poison's own reason, else the class of the error."""
    return error.reason if isinstance(error, PoisonError) else type(error).__name__
