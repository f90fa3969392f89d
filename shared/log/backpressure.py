"""High and low marks: what a pool pauses because it has run full, and resumes once it has run dry.

Partitions are read in order: while they are paused, a live record that lies behind many of a replay is not
seen. So what waits of replays weighs less.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.log.policy import PoolPolicy
from shared.log.ports import Partition
from shared.log.watermark import Ledger

REPLAYS_WEIGH = 4
"""So many records of replays count as one."""
REPLAY_BYTES_WEIGH = 2
"""So many bytes of theirs count as one: memory is what these are about."""


class Backpressure:
    """Decides; the pool acts. Resuming waits for a mark far below, since a pause drops what was fetched."""

    def __init__(self, policy: PoolPolicy) -> None:
        self._policy = policy
        self.full = False
        """Whether enough waits for all partitions to be paused."""
        self.held: set[Partition] = set()
        """Partitions too far ahead of their own watermark."""

    @property
    def any(self) -> bool:
        """Whether anything is to be paused."""
        return self.full or bool(self.held)

    def look(
        self,
        waiting: int,
        of_replays: int,
        live_bytes: int,
        replay_bytes: int,
        ledgers: Iterable[tuple[Partition, Ledger]],
    ) -> None:
        """Judge anew: records that wait, and how many of them are of replays; bytes of both; and how far each
        partition ran ahead."""
        policy = self._policy
        waiting += of_replays // REPLAYS_WEIGH - of_replays
        waiting_bytes = live_bytes + replay_bytes // REPLAY_BYTES_WEIGH
        if not self.full and (waiting >= policy.high or waiting_bytes >= policy.high_bytes):
            self.full = True
        elif self.full and waiting <= policy.low and waiting_bytes <= policy.high_bytes // 4:
            self.full = False
        for partition, ledger in ledgers:
            if ledger.run_ahead >= policy.run_ahead:
                self.held.add(partition)
            elif ledger.run_ahead <= policy.run_ahead // 2:
                self.held.discard(partition)
