"""The numbers by which a lane is judged, and what a policy may say instead of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from shared.domain.errors import UsageError
from shared.store.routing import SHARE_WHOLE

_HOUR = 3600.0
_DAY = 24 * _HOUR
_YEAR = 366 * _DAY


class ThresholdError(UsageError):
    """A policy's thresholds say what they cannot say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What is asked of a lane. Each field can be replaced by its name in the policy's `thresholds`."""

    shares: tuple[int, ...] = (1000, 5000, SHARE_WHOLE)
    """The steps, of 10,000 users; the last is all."""
    step_seconds: tuple[float, ...] = (_DAY, 2 * _DAY, 7 * _DAY)
    """How long each step lasts at least."""
    shadow_seconds: float = _DAY
    """How long shadow runs are made before the first step."""
    announced_seconds: float = 7 * _DAY
    """How long it is announced that a route ends, before it does."""
    day_seconds: float = _DAY
    """At the last step: success is asked for each so long, and no import in v1 in the last so long."""

    failure_rate: float = 0.05
    """Runs may fail so often."""
    failure_rate_bad: float = 0.15
    """Runs that fail so often are called back."""
    alpha: float = 0.001
    """How often a lane that fails at `failure_rate` may be rolled back."""
    beta: float = 0.05
    """How often one that fails at `failure_rate_bad` may be missed."""

    stuck_seconds: float = 2 * _HOUR
    """A run without an end so long after it was begun is stuck."""
    stuck_runs: int = 10
    """More than so many becoming stuck within `stuck_window_seconds` roll back."""
    stuck_window_seconds: float = _HOUR

    success: float = 0.95
    """The part of ended runs that has to be complete."""
    enough: int = 20
    """Nothing is said of fewer ended runs, but that they fail or are stuck."""
    p: float = 0.01
    """A comparison is believed below this."""
    worse: float = 1.25
    """Seconds and cost of a chunk may grow so many times."""
    coverage_points: float = 1.0
    """Coverage may be lower by less than so many points of a hundred."""
    most_within_seconds: float = 600.0
    """Most imports have ended within it."""
    long_seconds: float = 1800.0
    """An import that takes longer than this is long."""
    long_share: float = 0.10
    """The part of imports that may not be reached by long ones."""

    @classmethod
    def of(cls, overrides: Mapping[str, Any]) -> Self:
        """The thresholds of a policy. Raises ThresholdError: what is wrong, and what could stand there."""
        known = {each.name for each in fields(cls)}
        given: dict[str, Any] = {}
        for name, value in overrides.items():
            if name not in known:
                raise ThresholdError(
                    f"The policy's thresholds name {name[:60]!r}, which is none: they are "
                    f"{', '.join(sorted(known))}."
                )
            given[name] = _valid_list(name, value) if name in _LISTS else _valid(name, value, _RANGES[name])
        return replace(cls(), **given)._consistent()

    def _consistent(self) -> Self:
        """These, if they agree with each other."""
        if len(self.shares) != len(self.step_seconds):
            raise ThresholdError(
                f"The policy's thresholds have {len(self.shares)} shares and {len(self.step_seconds)} "
                "step_seconds: each step needs one of both."
            )
        rising = all(low < high for low, high in zip(self.shares, self.shares[1:], strict=False))
        if not rising or self.shares[-1] != SHARE_WHOLE:
            raise ThresholdError(
                f"The policy's shares {list(self.shares)} must rise, "
                f"the last must be {SHARE_WHOLE} (all users)."
            )
        if not self.failure_rate < self.failure_rate_bad:
            raise ThresholdError(
                f"The policy's failure_rate {self.failure_rate:g} must be below its failure_rate_bad "
                f"{self.failure_rate_bad:g}."
            )
        return self


class _Range(NamedTuple):
    low: float
    high: float
    whole: bool = False


_SECONDS = _Range(1.0, _YEAR)
_LISTS = MappingProxyType({"shares": _Range(1, SHARE_WHOLE, whole=True), "step_seconds": _Range(0.0, _YEAR)})
_MOST_STEPS = 20
_RANGES = MappingProxyType(
    {
        "shadow_seconds": _Range(0.0, _YEAR),
        "announced_seconds": _Range(0.0, _YEAR),
        "day_seconds": _SECONDS,
        "failure_rate": _Range(0.001, 0.5),
        "failure_rate_bad": _Range(0.01, 0.95),
        "alpha": _Range(1e-9, 0.05),
        "beta": _Range(1e-9, 0.5),
        "stuck_seconds": _SECONDS,
        "stuck_runs": _Range(1, 1_000_000, whole=True),
        "stuck_window_seconds": _SECONDS,
        "success": _Range(0.0, 1.0),
        "enough": _Range(1, 5000, whole=True),
        "p": _Range(0.0, 0.5),
        "worse": _Range(1.0, 1000.0),
        "coverage_points": _Range(0.0, 100.0),
        "most_within_seconds": _SECONDS,
        "long_seconds": _SECONDS,
        "long_share": _Range(0.0, 1.0),
    }
)


def _valid(name: str, value: object, within: _Range) -> float | int:
    sort = "a whole number" if within.whole else "a number"
    right = not isinstance(value, bool) and isinstance(value, int if within.whole else int | float)
    if not right or not within.low <= value <= within.high:  # type: ignore[operator]
        raise ThresholdError(
            f"The policy's threshold {name} is {_shown(value)}: it must be {sort} "
            f"from {within.low:g} to {within.high:g}."
        )
    return value  # type: ignore[return-value]


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 64:
        return "far too large"  # more digits than Python writes out
    return repr(value)[:60]


def _valid_list(name: str, value: object) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MOST_STEPS:
        raise ThresholdError(
            f"The policy's threshold {name} must be a list of 1 to {_MOST_STEPS} numbers, one a step."
        )
    return tuple(_valid(name, each, _LISTS[name]) for each in value)


def thresholds_of(overrides: Mapping[str, Any]) -> tuple[Thresholds, str]:
    """The thresholds of a policy, and ""; where they cannot be read, those that hold without it, and why."""
    try:
        return Thresholds.of(overrides), ""
    except ThresholdError as error:
        return Thresholds(), str(error)
