"""Commits the watermarks of one pool: those that the log does not have, one commit at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from shared.log.metrics import PoolMetrics
from shared.log.ports import Consumer, LogUnavailableError, Partition, TopicLostError
from shared.log.watermark import Ledgers

_LOOK_EVERY = 10.0
"""Seconds between looks at what the log has: a commit that was sent in vain may reach it late, over what was
committed since, and nobody would commit again once nothing more is done."""

log = structlog.get_logger(__name__)


class Commits:
    """What the log has of `ledgers`."""

    def __init__(
        self,
        stage: str,
        ledgers: Ledgers[Partition],
        *,
        timeout: float,
        metrics: PoolMetrics,
        unwanted: Callable[[], None],
    ) -> None:
        """`timeout`: seconds of a commit. `unwanted` is called when records may have become so."""
        self._stage = stage
        self._ledgers = ledgers
        self._timeout = timeout
        self._metrics = metrics
        self._unwanted = unwanted
        self._one = asyncio.Lock()
        self._looked: float | None = None
        """When the log was last asked; None: never since the last rebalance."""

    def rebalanced(self) -> None:
        """Others may have gone on with partitions that we kept: before the next commit the log is asked."""
        self._looked = None

    async def commit(self, consumer: Consumer) -> bool:
        """Commit the watermarks that the log does not have. False if that failed: call again."""
        async with self._one:
            offsets: dict[Partition, int] = {}
            try:
                async with asyncio.timeout(self._timeout):
                    if consumer.assignment():
                        await self._look(consumer)
                    if offsets := self._ledgers.due(consumer.assignment()):
                        await consumer.commit(offsets)
            except (TimeoutError, LogUnavailableError) as error:
                self._ledgers.note_unanswered(offsets)
                if isinstance(error, TopicLostError):
                    self._ledgers.assign(())
                    self._unwanted()
                self._metrics.commit_failures.labels(self._stage).inc()
                log.warning("commit failed", stage=self._stage, error=type(error).__name__)
                return False
            if offsets:
                self._ledgers.note_committed(offsets)
                self._metrics.commits.labels(self._stage).inc()
            return True

    async def _look(self, consumer: Consumer) -> None:
        now = time.monotonic()
        if self._looked is not None and now - self._looked < _LOOK_EVERY:
            return
        ours = [p for p, ledger in self._ledgers if ledger.watermark is not None]
        if ours and self._ledgers.reconcile(await consumer.committed(ours)):
            self._unwanted()
        self._looked = now
