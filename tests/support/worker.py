"""A worker by itself, with a ledger, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from shared.domain.events import ImportReceived
from shared.log.deadletter import DeadLetter
from shared.log.fairness import Line
from shared.log.kafka.cloudevents import CloudEvents
from shared.log.metrics import PoolMetrics
from shared.log.units import Item, Unit
from shared.log.watermark import Ledger
from shared.log.worker import Worker
from shared.resilience.backoff import Backoff
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy
from tests.support.replica import wire

QUICK = Backoff(base=0.001, cap=0.002)


@dataclass
class Record:
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes]]
    topic: str = "t"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None


@dataclass
class Bench:
    """A worker with a ledger, and what comes out of it."""

    stage: Any
    policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(backoff=QUICK, attempts=3))
    lane: Lane = field(default_factory=lambda: Lane(backoff=QUICK))
    done: list[int] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    unwritable: int = 0
    """How many dead letters fail to be written first."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(1)
        self.worker = Worker(
            self.stage, decode=CloudEvents().decode, policy=self.policy, lane=self.lane, bury=self.bury,
            done=lambda item: self.done.append(item.raw.offset), metrics=PoolMetrics(CollectorRegistry()),
        )  # fmt: skip

    async def bury(self, letter: DeadLetter) -> None:
        if self.unwritable:
            self.unwritable -= 1
            assert letter
            raise ConnectionError
        self.letters.append(letter)

    def unit(self, *numbers: int) -> Unit:
        items = []
        for number in numbers:
            value, headers = wire(number)
            self.ledger.take(number)
            items.append(Item(Record(number, value, headers), self.ledger, Line("p", "i"), 0))
        return Unit(items)


def number(received: ImportReceived) -> int:
    return received.import_id.int
