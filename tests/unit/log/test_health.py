from __future__ import annotations

from dataclasses import replace

import pytest

from shared.log.health import HealthPolicy, LoopState, PartitionState, PoolState, live, ready
from shared.resilience.lane import Hold

POLICY = HealthPolicy(frozen=100, coordinator=500)
BEHIND = (PartitionState("t", 0, 10, 9, 50),)
POOL = PoolState(
    stage="s", in_flight=0, parked=0, waiting=0, oldest_in_flight=0.0, since_progress=1000.0, lag_seconds=0.0,
    draining=False, holds={}, partitions=(PartitionState("t", 0, 50, 49, 50),),
)  # fmt: skip
LOOP = LoopState(started=True, polling=True, coordinating=True, without_coordinator=0.0)


@pytest.mark.parametrize(
    ("pool", "loop"),
    [
        (POOL, LOOP),
        (replace(POOL, partitions=()), LOOP),
        (replace(POOL, partitions=(PartitionState("t", 0, None, None, 50),)), LOOP),
        (replace(POOL, partitions=BEHIND, since_progress=99.0), LOOP),
        (replace(POOL, partitions=BEHIND, in_flight=1), LOOP),
        (replace(POOL, partitions=BEHIND, parked=1), LOOP),
        (replace(POOL, partitions=BEHIND, draining=True), LOOP),
        (replace(POOL, partitions=BEHIND, waiting=9, holds={"faults": Hold("no credit")}), LOOP),
        (POOL, replace(LOOP, without_coordinator=499.0)),
        (POOL, LoopState(False, False, False, 0.0)),
    ],
)
def test_alive(pool: PoolState, loop: LoopState) -> None:
    assert live([(pool, loop)], POLICY).ok


@pytest.mark.parametrize(
    ("pool", "loop", "reason"),
    [
        (POOL, replace(LOOP, polling=False), "polling loop is dead"),
        (POOL, replace(LOOP, coordinating=False), "coordination is dead"),
        (POOL, replace(LOOP, publishing=False), "the publisher is dead"),
        (POOL, replace(LOOP, without_coordinator=501.0), "no group coordinator for 501 s"),
        (replace(POOL, partitions=BEHIND), LOOP, "frozen for 1000 s"),
        (replace(POOL, waiting=1), LOOP, "frozen for 1000 s"),
    ],
)
def test_not_alive(pool: PoolState, loop: LoopState, reason: str) -> None:
    verdict = live([(POOL, LOOP), (pool, loop)], POLICY)
    assert not verdict.ok
    assert reason in verdict.reasons[0]


def test_not_ready_while_starting_draining_or_paused() -> None:
    assert ready([(POOL, LOOP)]).ok
    assert ready([(POOL, replace(LOOP, started=False))]).reasons == ("s: not started",)
    assert ready([(replace(POOL, draining=True), LOOP)]).reasons == ("s: draining",)
    held = replace(POOL, holds={"kafka": Hold("down")})
    assert ready([(POOL, LOOP), (held, LOOP)]).reasons == ("s: paused (kafka: down)",)
