"""The gateway's health: each part asked for a second, by one question at a time, whoever wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from services.gateway import health
from services.gateway.health import Health, Part
from shared.domain.errors import StoreError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """A part that answers as it is told."""

    def __init__(self) -> None:
        self.times = 0
        self.fault: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def __call__(self) -> None:
        self.times += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.fault is not None:
            raise self.fault


def of(asked: Asked, clock: Callable[[], float]) -> Health:
    return Health({"database": Part(asked)}, clock=clock)


async def test_who_asks_at_once_or_soon_after_is_told_the_same() -> None:
    asked, clock = Asked(), Clock()
    found = of(asked, clock)
    looks = await asyncio.gather(*(found.look() for _ in range(50)))
    assert asked.times == 1
    assert all(look.well == {"database": True} for look in looks)
    clock.now += 1.9
    await found.look()
    assert asked.times == 1
    asked.fault = StoreError("away")
    clock.now += 0.2
    assert (await found.look()).lacking == ["database"]
    assert asked.times == 2
    await found.close()


async def test_a_part_that_hangs_is_unwell_and_not_asked_again_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "ASK_SECONDS", 0.02)
    asked, clock = Asked(), Clock()
    asked.hold = asyncio.Event()
    found = of(asked, clock)
    for _ in range(3):
        assert (await found.look()).lacking == ["database"]
        clock.now += 3
    assert asked.times == 1
    asked.hold.set()
    await asyncio.sleep(0)
    assert (await found.look()).lacking == []
    await found.close()


async def test_what_still_hangs_ends_with_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ASK_SECONDS", 0.02)
    asked = Asked()
    asked.hold = asyncio.Event()
    before, found = asyncio.all_tasks(), of(asked, Clock())
    await found.look()
    assert asyncio.all_tasks() > before
    await found.close()
    assert asyncio.all_tasks() == before


async def test_who_leaves_while_it_is_asked_takes_nothing_from_the_others() -> None:
    asked = Asked()
    asked.hold = asyncio.Event()
    found = of(asked, Clock())
    one, other = asyncio.create_task(found.look()), asyncio.create_task(found.look())
    await asyncio.sleep(0)
    one.cancel()
    asked.hold.set()
    assert (await other).well == {"database": True}
    await found.close()
