"""Calls are counted beside the answer, and what is known of a route's end is told without waiting."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from services.gateway import deprecation, legacy_calls
from services.gateway.deprecation import Deprecation
from services.gateway.legacy_calls import LegacyCalls, opened_calls, user_named
from shared.domain.errors import StoreError
from shared.metrics.gateway import LEGACY_CALLS
from shared.store.routing import Policy
from tests.support.waiting import until

ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Notes:
    """What is written, while the database answers."""

    def __init__(self) -> None:
        self.away = False
        self.tries = 0
        self.written: list[tuple[str, UUID, int]] = []

    async def note(self, route: str, user_id: UUID, calls: int) -> None:
        self.tries += 1
        if self.away:
            raise StoreError("away")
        self.written.append((route, user_id, calls))


def metric() -> tuple[CollectorRegistry, object]:
    registry = CollectorRegistry()
    return registry, LEGACY_CALLS.register(registry)


async def test_what_waits_is_bounded_and_written_once_the_database_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(legacy_calls, "AGAIN_SECONDS", 0.001)
    registry, counter = metric()
    notes = Notes()
    notes.away = True
    calls = LegacyCalls(notes.note, counter, most=2)  # type: ignore[arg-type]
    running = asyncio.create_task(calls.run())
    try:
        for user in (ONE, TWO, ONE, THREE, THREE):
            calls.count("/r", user)
        await until(lambda: notes.tries > 2)
        notes.away = False
        await until(lambda: len(notes.written) == 2)
        calls.count("/r", THREE)
        await until(lambda: len(notes.written) == 3)
    finally:
        running.cancel()
    assert notes.written == [("/r", ONE, 2), ("/r", TWO, 1), ("/r", THREE, 1)]
    assert registry.get_sample_value("soulprint_legacy_calls_total", {"route": "/r"}) == 6


@pytest.mark.parametrize("away", [False, True])
async def test_what_is_left_is_written_in_the_end_if_it_can_be(away: bool) -> None:
    notes = Notes()
    notes.away = away
    async with opened_calls(notes.note, metric()[1]) as calls:  # type: ignore[arg-type]
        calls.count("/r", ONE)
    assert notes.written == ([] if away else [("/r", ONE, 1)])


def test_a_user_is_named_whatever_else_is_wrong() -> None:
    name = "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42"
    assert user_named(f'{{"user_id": "{name}", "storage_path": 7}}'.encode()) == UUID(name)
    for body in (b"", b"{", b"[]", b"{}", b'{"user_id": 5}', b'{"user_id": "x"}', b"\xff", b"[" * 100_000):
        assert user_named(body) is None


def policy(since: datetime | None) -> Policy:
    given = {"version": 1, "mode": "manual", "share": 0, "shadow": 0, "passthrough": False, "frozen": False}
    return Policy(**given, salt="s", entered_at=NOW, changed_at=NOW, deprecated_at=since)  # type: ignore[arg-type]


async def test_answers_at_once_look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def read() -> Policy:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return policy(NOW)

    known = Deprecation(read)
    told = await asyncio.gather(*(known.headers() for _ in range(20)))
    assert {each["Deprecation"] for each in told} == {"@1767323045"}
    assert looks == 1
    monkeypatch.setattr(deprecation, "KEPT_SECONDS", -1.0)
    known.learn(None, None)
    assert "Deprecation" in await known.headers()
    assert looks == 2


async def test_the_last_word_stands_while_the_database_is_away_or_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deprecation, "KEPT_SECONDS", -1.0)
    monkeypatch.setattr(deprecation, "LOOK_SECONDS", 0.01)

    async def away() -> Policy:
        raise StoreError("away")

    async def silent() -> Policy:
        await asyncio.Event().wait()
        raise AssertionError

    for read in (away, silent):
        known = Deprecation(read)
        assert await known.headers() == {}
        known.learn(NOW, None)
        for _ in range(3):
            assert (await known.headers())["Deprecation"] == "@1767323045"
        await known.close()
