"""Is this replica alive, and is it ready? Verdicts over snapshots; nothing here asks Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.resilience.lane import Hold

EMBEDDINGS = "embeddings"
"""The hold of passages that are not embedded now. It is told, but stops no record."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One held partition."""

    topic: str
    partition: int
    watermark: int | None
    """None before the first record since the assignment."""
    highest: int | None
    end: int | None
    """The offset that Kafka gives next, None where it is not known."""

    @property
    def lag(self) -> int:
        """Records above the watermark; 0 where it is not known."""
        return max(0, self.end - self.watermark) if self.end is not None and self.watermark is not None else 0


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool at one moment. Times are seconds."""

    stage: str
    in_flight: int
    parked: int
    """Records begun that wait for the lane or for their next attempt."""
    waiting: int
    oldest_in_flight: float
    """Of what is in work; not of what waits in line for its turn."""
    since_progress: float
    """Since a watermark moved, a record came in or a rebalance ended."""
    lag_seconds: float
    """Of live work: nobody waits for a replay."""
    draining: bool
    holds: Mapping[str, Hold]
    partitions: tuple[PartitionState, ...]

    @property
    def lag_records(self) -> int:
        return sum(p.lag for p in self.partitions)


@dataclass(frozen=True, slots=True)
class LoopState:
    """The consumer under a pool at one moment."""

    started: bool
    polling: bool
    """Whether the task that polls Kafka runs."""
    coordinating: bool
    """Whether the task that keeps us in the group runs."""
    without_coordinator: float
    """Seconds since the group's coordinator was last known."""
    missing: str = ""
    """The name of the topic, while Kafka knows no such topic."""
    silent: float = 0.0
    """Seconds since Kafka was asked something that it has not answered."""
    publishing: bool = True
    """Whether there is something that publishes, or comes to be."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Yes, or no with the reasons."""

    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When patience ends. Seconds."""

    frozen: float = 120.0
    """With lag, nothing in flight and nothing moving."""
    coordinator: float = 600.0
    """Without a coordinator. Longer than a broker's restart: restarting us would not bring it back."""
    silent: float = 10.0
    """With a question to Kafka unanswered. It is asked something every 10 s."""


def live(replica: Iterable[tuple[PoolState, LoopState]], policy: HealthPolicy | None = None) -> Verdict:
    """Not live: a restart would help. Never for lag alone, nor for a paused lane, nor while starting."""
    policy = policy or HealthPolicy()
    reasons = []
    for pool, loop in replica:
        if not loop.started:
            continue
        if not loop.polling:
            reasons.append(f"{pool.stage}: the polling loop is dead")
        if not loop.coordinating:
            reasons.append(f"{pool.stage}: the group coordination is dead")
        if not loop.publishing:
            reasons.append(f"{pool.stage}: the publisher is dead")
        if loop.without_coordinator > policy.coordinator:
            reasons.append(f"{pool.stage}: no group coordinator for {loop.without_coordinator:.0f} s")
        behind = pool.lag_records > 0 or pool.waiting > 0
        idle = (
            pool.in_flight == 0
            and pool.parked == 0
            and not pool.holds.keys() - {EMBEDDINGS}
            and not pool.draining
        )
        if behind and idle and pool.since_progress > policy.frozen:
            reasons.append(
                f"{pool.stage}: frozen for {pool.since_progress:.0f} s with lag and nothing in flight"
            )
    return Verdict(tuple(reasons))


def ready(replica: Iterable[tuple[PoolState, LoopState]], policy: HealthPolicy | None = None) -> Verdict:
    """Not ready: not consuming now, for a reason that may pass."""
    policy = policy or HealthPolicy()
    reasons = []
    for pool, loop in replica:
        if not loop.started:
            reasons.append(f"{pool.stage}: not started")
        elif pool.draining:
            reasons.append(f"{pool.stage}: draining")
        elif loop.missing:
            reasons.append(f"{pool.stage}: the topic {loop.missing} does not exist, or has no leader")
        elif loop.silent > policy.silent:
            reasons.append(f"{pool.stage}: Kafka has not answered for {loop.silent:.0f} s")
        elif loop.without_coordinator > policy.silent:
            reasons.append(f"{pool.stage}: no group coordinator for {loop.without_coordinator:.0f} s")
        reasons += [
            f"{pool.stage}: paused ({name}: {hold.reason})"
            for name, hold in pool.holds.items()
            if name != EMBEDDINGS
        ]
    return Verdict(tuple(reasons))
