"""What to do about an error: try again, set the record aside, or pause the lane. And how to try again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.errors import SoulprintError


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
    """Says which kind of fault an exception is. Services register what they know of their own."""

    def __init__(self) -> None:
        self._faults: dict[type[BaseException], Fault] = {
            TransientError: Fault.TRANSIENT,
            PoisonError: Fault.POISON,
            LaneError: Fault.LANE,
        }

    def register(self, fault: Fault, *errors: type[BaseException]) -> None:
        """From now on these errors, and their subclasses unless registered themselves, are such a fault."""
        for error in errors:
            self._faults[error] = fault

    def classify(self, error: BaseException) -> Fault:
        """The fault of the nearest registered class; transient for what nobody registered, since attempts
        are bounded and a dead letter is the end of them."""
        for cls in type(error).__mro__:
            if (fault := self._faults.get(cls)) is not None:
                return fault
        return Fault.TRANSIENT


def reason_of(error: BaseException) -> str:
    """A word for a metric's label: a poison's own reason, else the class of the error."""
    return error.reason if isinstance(error, PoisonError) else type(error).__name__


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: spreads the retries of many best."""

    base: float = 0.5
    """Seconds: the longest first wait."""
    cap: float = 30.0
    """Seconds: the longest wait."""

    def delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure in a row, 1 being the first."""
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 32))
        return random.uniform(0.0, ceiling)  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a record is tried."""

    backoff: Backoff = field(default_factory=Backoff)
    attempts: int = 8
    """Most attempts on transient faults."""
    deadline: float = 900.0
    """Seconds for a record over all attempts, waits included, time in a paused lane not."""
    outage_after: int = 3
    """So many records in a row that used up their attempts, and none that succeeded, are no longer the
    records' fault: the lane pauses. A provider's outage must not become ten thousand dead letters."""
    outage_trials: int = 10
    """A record that used up its attempts so many times is dead all the same."""
