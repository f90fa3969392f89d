from __future__ import annotations

import pytest

from shared.resilience.backoff import Backoff
from shared.resilience.faults import Fault, LaneError, PoisonError, TransientError, fault_of, reason_of


class RefusedError(LaneError):
    pass


def test_a_subclass_is_the_fault_of_its_nearest_class_in_the_table() -> None:
    assert fault_of(RefusedError()) is Fault.LANE


@pytest.mark.parametrize(
    ("error", "fault", "reason"),
    [
        (TransientError("x"), Fault.TRANSIENT, "TransientError"),
        (PoisonError("too_large", "x"), Fault.POISON, "too_large"),
        (LaneError("x"), Fault.LANE, "LaneError"),
        (KeyError("a stranger's words"), Fault.TRANSIENT, "KeyError"),
    ],
)
def test_our_own_errors_say_what_they_are(error: Exception, fault: Fault, reason: str) -> None:
    assert fault_of(error) is fault
    assert reason_of(error) == reason


def test_waits_grow_to_the_cap_and_are_spread() -> None:
    backoff = Backoff(base=1.0, cap=8.0)
    for failures, longest in [(1, 1.0), (2, 2.0), (4, 8.0), (5, 8.0), (10_000, 8.0)]:
        delays = [backoff.delay(failures) for _ in range(200)]
        assert 0 <= min(delays) < longest / 4
        assert longest * 3 / 4 < max(delays) <= longest
