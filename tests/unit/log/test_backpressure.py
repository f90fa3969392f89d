"""Marks at which partitions are paused and resumed; replays weigh a quarter, their bytes half."""

from __future__ import annotations

import pytest

from shared.log.backpressure import Backpressure
from shared.log.policy import PoolPolicy

POLICY = PoolPolicy(high=100, low=20, high_bytes=1000)


@pytest.mark.parametrize(
    ("waiting", "of_replays", "live_bytes", "replay_bytes", "full"),
    [
        (99, 0, 0, 0, False),
        (100, 0, 0, 0, True),
        (399, 399, 0, 0, False),
        (400, 400, 0, 0, True),
        (50 + 196, 196, 0, 0, False),
        (50 + 200, 200, 0, 0, True),
        (1, 0, 999, 0, False),
        (1, 0, 1000, 0, True),
        (1, 1, 0, 1999, False),
        (1, 1, 0, 2000, True),
        (2, 1, 500, 1000, True),
    ],
)
def test_what_waits_of_replays_weighs_a_quarter(
    waiting: int, of_replays: int, live_bytes: int, replay_bytes: int, full: bool
) -> None:
    backpressure = Backpressure(POLICY)
    backpressure.look(waiting, of_replays, live_bytes, replay_bytes, [])
    assert backpressure.full is full
    assert backpressure.any is full


def test_what_ran_full_is_resumed_far_below() -> None:
    backpressure = Backpressure(POLICY)
    for of_replays, full in ((400, True), (200, True), (84, True), (80, False), (200, False)):
        backpressure.look(of_replays, of_replays, 0, 0, [])
        assert backpressure.full is full
