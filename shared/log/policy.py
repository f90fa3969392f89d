"""How much a pool takes on, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.resilience.backoff import Backoff
from shared.resilience.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """How much a pool takes on."""

    ceiling: int = 3
    """Most units (records, or batches) in flight."""
    of_one: int | None = None
    """Most records of one person in flight, so that others find a place; None: as many as there are. Of those
    that wait for it the bytes count for the marks below, not the number: it would keep others out."""
    of_replays: int | None = None
    """Most records of replays in flight, all together, so that live ones find a place at once; None: as many
    as there are. What waits for it counts as with `of_one`."""
    linger: float = 0.0
    """Seconds that the first record of a batch waits for others, unless the batch is full before."""
    gather_bytes: int = 1
    """Bytes that a delivery should have if they come within a moment: a log may hold records back so long,
    since a large delivery costs far less a record."""
    high: int = 512
    """Waiting records at which partitions are paused. Those of replays weigh a quarter, their bytes a
    half: live ones lie behind them."""
    low: int = 128
    """Waiting records at which they are resumed: far below `high`, since a pause drops what was fetched."""
    high_bytes: int = 16 * 1024**2
    """Waiting bytes at which partitions are paused; resumed at a quarter."""
    run_ahead: int = 2000
    """Most records of a partition above its watermark: what a crash delivers again."""
    commit_timeout: float = 5.0
    """Seconds; a commit blocks for as long as Kafka is down."""
    revoke_grace: float = 1.0
    """Seconds that a rebalance waits for work in flight. All members wait as long, and those whose work is
    done meanwhile stand idle; what is not done goes on, unless its partition goes elsewhere."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    trials: Backoff = field(default_factory=lambda: Backoff(base=2.0, cap=60.0))
    """From a lane fault to the first trial, and from each to the next."""
