"""Shadow runs by the policy: v1 serves, v2 runs beside it, and nobody sees it. CHAOS=1: 200 imports."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id, shadow_id
from shared.pipelines import services_of
from shared.requests.accept import Terms, accept, offer
from shared.requests.request import Request
from shared.store.routing import SHARE_WHOLE
from shared.store.store import Store
from tests.exports.generate import generate
from tests.support.app_server import App
from tests.support.callbacks import app
from tests.support.databases import Emptier
from tests.support.local import LocalSetting
from tests.support.records import SEED
from tests.support.services import ended, hosted
from tests.support.shadows import World, kinds, person, rows_of, settled, shadow_ended
from tests.support.waiting import until

__all__ = ["app"]

PERSONS = 67 if os.environ.get("CHAOS") else 2
"""Each with three imports."""
AT_ONCE = 8
EVERY = ("router", "quickpass", *services_of("v2"))
SINCE = datetime.now(UTC) - timedelta(days=1)


async def policy(store: Store, **changes: Any) -> None:
    assert (await store.change_policy(changes, by="ops", reason="a test")).refusal is None


async def asked(
    setting: LocalSetting, store: Store, user: UUID, source: Path, *, routed: bool = False, **terms: Any
) -> ImportReceived:
    """A person asks for an import: by the gateway's way, or by an event that the router reads."""
    import_id = uuid5(SEED, f"{user} {source.name}")
    if routed:
        event = setting.event_of(source, user, import_id=import_id)
        await setting.publish(setting.entrance, event)
        return event
    request = Request(import_id, user, str(source))
    accepted = await accept(request, store, setting.settings(), Terms(**terms))
    await offer(accepted, store, setting.log)
    return accepted.event


async def world(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App, *, shadow: int
) -> tuple[World, list[ImportReceived]]:
    """Every second person has a memory of v2; then all import into v1, with shadows or without. Answers what
    is seen in the end, and the imports into v1."""
    into_v1: list[ImportReceived] = []
    limit = asyncio.Semaphore(AT_ONCE)

    async def imports(number: int, name: str) -> None:
        async with limit:
            source = setting.root / name
            event = await asked(setting, store, person(number), source, routed=bool(number % 2))
            assert (await ended(store, event)).ended
            if (await store.read_policy()).share == 0:
                into_v1.append(event)
                if shadow:
                    await shadow_ended(store, event.import_id, event.run)

    async with hosted(setting, EVERY):
        await asyncio.gather(*(imports(number, "one.zip") for number in range(0, PERSONS, 2)))
        await settled(sql)
        app.emails.clear()
        await policy(store, share=0, shadow=shadow)
        await asyncio.gather(*(imports(number, "one.zip") for number in range(1, PERSONS, 2)))
        await asyncio.gather(*(imports(number, "two.zip") for number in range(PERSONS)))
        await asyncio.gather(*(imports(number, "three.zip") for number in range(PERSONS)))
        await settled(sql)
    return World(await rows_of(sql), sorted(app.emails)), into_v1


@pytest.mark.slow
async def test_with_shadows_all_that_is_seen_is_as_without(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, tmp_path: Path, app: App, emptied: Emptier
) -> None:
    setting.root = tmp_path
    for seed, name in enumerate(("one.zip", "two.zip", "three.zip")):
        generate(tmp_path / name, 12, seed=seed)
    without, events = await world(setting, store, sql, app, shadow=0)
    assert not [kind for kind, _, _ in await kinds(sql) if kind == "shadow"]
    setting.lose_log()
    await emptied.empty()
    beside, again = await world(setting, store, sql, app, shadow=SHARE_WHOLE)
    assert {event.import_id for event in again} == {event.import_id for event in events}
    assert all(without.rows[name] for name in ("user_profiles", "conversation_chunks"))
    for name, rows in without.rows.items():
        assert beside.rows[name] == rows, name
    assert beside.told == without.told
    assert len(without.told) >= PERSONS

    pairs = await store.read_pairs(SINCE)
    assert {(pair.import_id, pair.run) for pair in pairs} == {(each.import_id, each.run) for each in again}
    for pair in pairs:
        assert (pair.v1.pipeline, pair.shadow.pipeline) == ("v1", "v2")
        assert (pair.v1.state, pair.shadow.state) == ("complete", "complete")
        assert pair.shadow.import_id == shadow_id(pair.import_id, "v2")
        assert pair.v1.sections > 0
        assert (pair.v1.facts, pair.v1.memory_characters) == (0, 0)
        assert min(pair.shadow.sections, pair.shadow.facts, pair.shadow.memory_characters) > 0
        assert pair.shadow.coverage == 1.0

    setting.lose_log()
    async with hosted(setting, EVERY):
        later = await asked(setting, store, person(1), tmp_path / "two.zip", pipeline="v2")
        assert (await ended(store, later)).state == "complete"
    report = await store.read_run(later.import_id, later.run)
    assert report is not None
    assert report.pipeline == "v2"
    assert report.chunks_cached == report.chunks_total
    assert report.chunks_total
    assert report.extraction_usage.calls == 0, "what the shadow paid for is free"


async def test_of_a_shadow_that_fails_nobody_is_told(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, app: App
) -> None:
    await policy(store, share=0, shadow=SHARE_WHOLE)
    async with hosted(setting, ("router", "quickpass")):
        event = await asked(setting, store, person(0), exports / "small.zip")
        assert (await ended(store, event)).state == "complete"
        await until(lambda: app.emails == [str(event.user_id)])
        before = await rows_of(sql)
        shadow = shadow_id(event.import_id, "v2")
        assert await store.fail_run(shadow, 1, "extracting", "no model answers")
        assert await kinds(sql) == {("primary", "v1", "complete"): 1, ("shadow", "v2", "failed"): 1}
    async with hosted(setting, services_of("v2")) as host:  # its event comes after its end
        await setting.caught_up(host, "chunker")
    assert await rows_of(sql) == before
    assert app.emails == [str(event.user_id)]
    (pair,) = await store.read_pairs(SINCE)
    assert (pair.shadow.state, pair.shadow.facts, pair.shadow.sections) == ("failed", 0, 0)


async def test_whoever_cancels_an_import_ends_its_shadow(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    await policy(store, share=0, shadow=SHARE_WHOLE)
    async with hosted(setting, ("chunker",)) as host:  # so that the shadow is at work, and its primary waits
        event = await asked(setting, store, person(0), exports / "small.zip")
        await until(lambda: setting.published("chunks.ready", 1))
        await setting.caught_up(host, "chunker")
        assert await store.cancel_run(event.import_id, 1)
    cancelled = {("primary", "v1", "cancelled"): 1, ("shadow", "v2", "cancelled"): 1}
    assert await kinds(sql) == cancelled
    others = [name for name in EVERY if name != "chunker"]
    async with hosted(setting, others) as host:
        await setting.caught_up(host, "quickpass", "extractor", "consolidator")
    assert await kinds(sql) == cancelled
    assert await store.read_pairs(SINCE) == []


async def test_an_import_has_a_quick_run_or_a_shadow_never_both(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, app: App
) -> None:
    """First sections are owed where v2 is awaited; a comparison where v1 serves."""
    await policy(store, share=0, shadow=SHARE_WHOLE)
    async with hosted(setting, EVERY):
        first = await asked(setting, store, person(0), exports / "small.zip")
        await ended(store, first)
        await shadow_ended(store, first.import_id)
        await policy(store, share=SHARE_WHOLE, shadow=SHARE_WHOLE)
        second = await asked(setting, store, person(1), exports / "small.zip")
        await ended(store, second)
        await until(lambda: _ended(store, quick_id(second.import_id)))
    assert await kinds(sql) == {
        ("primary", "v1", "complete"): 1,
        ("shadow", "v2", "complete"): 1,
        ("primary", "v2", "complete"): 1,
        ("quick", "v1", "complete"): 1,
    }


async def _ended(store: Store, import_id: UUID) -> bool:
    """the quick run ends"""
    runs = await store.list_runs(import_id)
    return bool(runs) and all(run.ended for run in runs)
