"""Commits the watermarks of one pool: those that the log does not have, one commit at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from shared.domain.told import told
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
        self._compared = False
        """Whether the log was asked since the last rebalance."""
        self._looked = time.monotonic()

    def rebalanced(self) -> None:
        """Others may have gone on with partitions that we kept: before the next commit the log is asked."""
        self._compared = False

    async def look(self, consumer: Consumer) -> None:
        """Now and then, compare with what the log has: what it lacks is due again. Never fails."""
        if time.monotonic() - self._looked < _LOOK_EVERY:
            return
        async with self._one:
            self._looked = time.monotonic()
            with suppress(TimeoutError, LogUnavailableError):
                async with asyncio.timeout(self._timeout):
                    await self._compare(consumer)

    async def commit(self, consumer: Consumer) -> bool:
        """Commit the watermarks that the log does not have. False if that failed: call again."""
        async with self._one:
            offsets: dict[Partition, int] = {}
            try:
                async with asyncio.timeout(self._timeout):
                    if not self._compared and consumer.assignment():
                        await self._compare(consumer)
                    if offsets := self._ledgers.due(consumer.assignment()):
                        await consumer.commit(offsets)
            except (TimeoutError, LogUnavailableError) as error:
                self._ledgers.note_unanswered(offsets)
                if isinstance(error, TopicLostError):
                    self._ledgers.assign(())
                    self._unwanted()
                self._metrics.commit_failures.labels(self._stage).inc()
                log.warning("commit failed", stage=self._stage, error=told(error))
                return False
            if offsets:
                self._ledgers.note_committed(offsets)
                self._metrics.commits.labels(self._stage).inc()
            return True

    async def _compare(self, consumer: Consumer) -> None:
        ours = [p for p, ledger in self._ledgers if ledger.watermark is not None]
        if ours and self._ledgers.reconcile(await consumer.committed(ours)):
            self._unwanted()
        self._compared = True
