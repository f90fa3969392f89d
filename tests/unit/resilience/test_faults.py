from __future__ import annotations

import pytest

from shared.resilience.backoff import Backoff
from shared.resilience.faults import Classifier, Fault, LaneError, PoisonError, TransientError, reason_of


class RefusedError(OSError):
    pass


def test_the_nearest_registered_class_decides() -> None:
    classifier = Classifier()
    classifier.register(Fault.LANE, ConnectionError)
    classifier.register(Fault.POISON, ConnectionResetError, UnicodeError)
    assert classifier.classify(ConnectionRefusedError()) is Fault.LANE
    assert classifier.classify(ConnectionResetError()) is Fault.POISON
    assert classifier.classify(UnicodeDecodeError("utf-8", b"", 0, 1, "")) is Fault.POISON
    assert classifier.classify(RefusedError()) is Fault.TRANSIENT
    assert classifier.classify(KeyError()) is Fault.TRANSIENT


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
    assert Classifier().classify(error) is fault
    assert reason_of(error) == reason


def test_waits_grow_to_the_cap_and_are_spread() -> None:
    backoff = Backoff(base=1.0, cap=8.0)
    for failures, longest in [(1, 1.0), (2, 2.0), (4, 8.0), (5, 8.0), (10_000, 8.0)]:
        delays = [backoff.delay(failures) for _ in range(200)]
        assert 0 <= min(delays) < longest / 4
        assert longest * 3 / 4 < max(delays) <= longest
