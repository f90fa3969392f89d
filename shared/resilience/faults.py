"""What to do about an error: try again, set the record aside, or pause the lane."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.errors import (
    CostLimitError,
    ModelUnavailableError,
    SoulprintError,
    SourceError,
    StoreError,
    UnknownRunError,
    UsageError,
)

_DOWN = frozenset({"08", "28", "3D", "3F", "42", "53", "57", "58", "XX"})
"""Classes of SQLSTATE in which the database, not the record, is at fault."""
_COLLIDED = frozenset({"40", "55"})
"""Classes of SQLSTATE that may not come again: a collision, a lock."""


class Fault(StrEnum):
    """The three kinds of error."""

    TRANSIENT = "transient"
    """It may work the next time: try again."""
    POISON = "poison"
    """This record can never work: set it aside as a dead letter."""
    LANE = "lane"
    """No record can work now (key, spend limit, database or Kafka down): pause the lane."""


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


class Classifier:
    """Says which kind of fault an exception is. Whoever has errors of its own registers them."""

    def __init__(self) -> None:
        self._faults: dict[type[BaseException], Fault] = {
            TransientError: Fault.TRANSIENT,
            PoisonError: Fault.POISON,
            SourceError: Fault.POISON,
            UnknownRunError: Fault.POISON,
            LaneError: Fault.LANE,
            ModelUnavailableError: Fault.LANE,
            CostLimitError: Fault.LANE,
            UsageError: Fault.LANE,
        }

    def register(self, fault: Fault, *errors: type[BaseException]) -> None:
        """From now on these errors, and their subclasses unless registered themselves, are such a fault."""
        for error in errors:
            self._faults[error] = fault

    def classify(self, error: BaseException) -> Fault:
        """The fault of the nearest registered class; of the database's errors by SQLSTATE; transient for what
        nobody registered, since attempts are bounded and a dead letter is the end of them."""
        for cls in type(error).__mro__:
            if (fault := self._faults.get(cls)) is not None:
                return fault
        return _of_database(error) if isinstance(error, StoreError) else Fault.TRANSIENT


def _of_database(error: StoreError) -> Fault:
    if error.sqlstate is None or error.sqlstate[:2] in _DOWN:
        return Fault.LANE
    return Fault.TRANSIENT if error.sqlstate[:2] in _COLLIDED else Fault.POISON


def reason_of(error: BaseException) -> str:
    """A word for a metric's label: a poison's own reason, else the class of the error."""
    return error.reason if isinstance(error, PoisonError) else type(error).__name__
