"""What a pool works on: records, one or a batch at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from shared.log.fairness import Line
from shared.log.watermark import Ledger


@dataclass(slots=True, eq=False)
class Item:
    """A record in the pool."""

    raw: Any
    ledger: Ledger
    line: Line
    """Where it waits for its turn."""
    size: int
    """About how many bytes it holds."""
    attempts: int = 0
    exhausted: int = 0
    """How often it used up all its attempts."""
    doubted: int = 0
    """How often it met a fault that may be its own."""
    through: int = 0
    """How many batches had got through when it first met such a fault."""

    @property
    def wanted(self) -> bool:
        """Whether it is still ours to do."""
        return self.ledger.wants(self.raw.offset)


@dataclass(slots=True, eq=False)
class Unit:
    """What one task works on: one record, or the records of one batch."""

    items: list[Item]
    begun: float = field(default_factory=time.monotonic)
    parked: bool = False
    """True while it only waits (for the lane, for the next attempt): nothing is lost by ending it."""
    timeout: asyncio.Timeout | None = None
    left: float = 0.0

    aside: bool = False
    """True while it waits to see how others fare: its place may be taken by one of them."""

    async def rest_aside(self, seconds: float) -> None:
        """Wait, parked, and let another unit have the place."""
        self.aside = True
        try:
            await self.rest(seconds)
        finally:
            self.aside = False

    async def rest(self, seconds: float) -> None:
        """Wait, parked."""
        self.parked = True
        await asyncio.sleep(seconds)
        self.parked = False
