"""The watermark of a partition: the offset below which everything is done. Pure: knows no Kafka.

A `Ledger` follows one partition through one epoch, which is the time that this process holds the partition
without a break. `Ledgers` follows all partitions through rebalances.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

P = TypeVar("P")


class Ledger:
    """Offsets of one partition in one epoch: taken, then finished in any order.

    Gaps between offsets are normal (compaction, transactions): only offsets that were taken count.
    """

    __slots__ = ("_finished", "_offsets", "committed", "epoch", "highest", "live")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.live = True
        """False once the partition is lost: whatever finishes later is dropped."""
        self.highest: int | None = None
        """The highest offset taken."""
        self.committed: int | None = None
        """The watermark that the log is known to have for this epoch."""
        self._offsets: deque[int] = deque()  # ascending, from the lowest unfinished offset on
        self._finished: dict[int, bool] = {}  # for every offset in _offsets

    @property
    def watermark(self) -> int | None:
        """Where a successor must start reading; None before the first record."""
        if self._offsets:
            return self._offsets[0]
        return None if self.highest is None else self.highest + 1

    @property
    def run_ahead(self) -> int:
        """Taken records that the watermark has not passed: what a crash would deliver again."""
        return len(self._offsets)

    def wants(self, offset: int) -> bool:
        """Whether a taken record is still to be done, here."""
        return self.live and not self._finished.get(offset, True)

    def take(self, offset: int) -> bool:
        """Note a delivered record. False if it is known already, in work or done: a redelivery to ignore.

        An offset below the highest that is not known is taken, and the watermark falls back to it: the log
        says that it is not done, and to do a record twice is better than to lose it.
        """
        if self.highest is None or offset > self.highest:
            self.highest = offset
            self._offsets.append(offset)
        elif offset in self._finished:
            return False
        elif not self._offsets or offset < self._offsets[0]:
            self._offsets.appendleft(offset)
        else:
            offsets = list(self._offsets)
            insort(offsets, offset)
            self._offsets = deque(offsets)
        self._finished[offset] = False
        return True

    def skip_to(self, offset: int) -> None:
        """Forget what lies below `offset`: somebody else did it."""
        while self._offsets and self._offsets[0] < offset:
            del self._finished[self._offsets.popleft()]
        if self.highest is None or self.highest < offset - 1:
            self.highest = offset - 1

    def finish(self, offset: int) -> bool:
        """Note that a taken record is done. True if that moved the watermark."""
        if not self.live or offset not in self._finished:
            return False
        self._finished[offset] = True
        offsets = self._offsets
        moved = False
        while offsets and self._finished[offsets[0]]:
            del self._finished[offsets.popleft()]
            moved = True
        return moved


class Ledgers(Generic[P]):
    """The ledgers of all partitions held now, `P` being what names a partition."""

    def __init__(self) -> None:
        self._ledgers: dict[P, Ledger] = {}
        self._epoch = 0

    def __iter__(self) -> Iterator[tuple[P, Ledger]]:
        return iter(self._ledgers.items())

    def get(self, partition: P) -> Ledger | None:
        """The ledger of a partition, None if it is not held."""
        return self._ledgers.get(partition)

    def assign(self, partitions: Iterable[P]) -> None:
        """Take over a new assignment, beginning the next epoch.

        A partition held before and still keeps its ledger: its work goes on, and what the log delivers again
        is recognised. Call `reconcile` before the next commit.
        """
        self._epoch += 1
        held = set(partitions)
        for partition in self._ledgers.keys() - held:
            self._ledgers.pop(partition).live = False
        for partition in held - self._ledgers.keys():
            self._ledgers[partition] = Ledger(self._epoch)

    def reconcile(self, committed: Mapping[P, int | None]) -> bool:
        """Compare ledgers with what the log has, after a rebalance and now and then. True if records in work
        are no longer wanted.

        Above our watermark, and not by our own commit: we were evicted, and somebody else went on from there.
        Without this the next commit would throw the group back. Below what we committed: an older commit
        reached the log after that, and ours is due again.
        """
        skipped = False
        for partition, offset in committed.items():
            ledger = self._ledgers.get(partition)
            watermark = None if ledger is None else ledger.watermark
            if ledger is None or watermark is None:
                continue
            if offset is not None and offset != ledger.committed and offset > watermark:
                ledger.skip_to(offset)
                skipped = True
            ledger.committed = offset
        return skipped

    def due(self, assigned: Iterable[P]) -> dict[P, int]:
        """Watermarks of `assigned` partitions that the log does not have yet. Never of others: one lost
        partition in a commit makes the client refuse all of it."""
        due = {}
        for partition in assigned:
            ledger = self._ledgers.get(partition)
            if ledger is None:
                continue
            watermark = ledger.watermark
            if watermark is not None and watermark != ledger.committed:
                due[partition] = watermark
        return due

    def note_committed(self, offsets: dict[P, int]) -> None:
        """Note that the log has these watermarks."""
        for partition, offset in offsets.items():
            if (ledger := self._ledgers.get(partition)) is not None:
                ledger.committed = offset

    def note_unanswered(self, offsets: dict[P, int]) -> None:
        """Note that nobody knows which watermarks the log has: these were sent, no answer came. Without it
        a watermark that fell back and rose again would pass for committed."""
        for partition in offsets:
            if (ledger := self._ledgers.get(partition)) is not None:
                ledger.committed = None
