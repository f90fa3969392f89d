"""Quickpass: first sections of one reading and one call, however often it is asked, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.quickpass import builtin
from services.quickpass.app import app
from shared.domain.events import Sections, Usage
from shared.domain.runs import RunKind
from shared.host.service import Kit, Service
from shared.pipelines import V1
from shared.resilience.backoff import Backoff
from shared.store.store import Store
from tests.support.exports import chain, json_of
from tests.support.fake_claude.fixtures import fake_claude, served_usage, spent_usage
from tests.support.local import LocalSetting
from tests.support.quickpass import IN, OUT, asked, made
from tests.support.services import ended, hosted, ignored
from tests.support.waiting import until


async def test_an_import_has_sections_and_keeps_the_memory_that_is_served(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    user = uuid4()
    await store.update_user_profile(user, {"memory_md": "a memory of before"})
    async with hosted(setting, ("quickpass",)):
        event = await asked(setting, exports / "small.zip", user)
        run = await ended(store, event)
    assert (run.state, run.pipeline, run.kind) == ("complete", V1, RunKind.PRIMARY)
    profile = await store.read_profile(user)
    assert profile is not None
    assert (profile.memory_md, profile.pipeline) == ("a memory of before", V1)
    assert "## Formality" in (profile.soul_md or "")
    report = await store.read_run(event.import_id, event.run)
    assert report is not None
    assert report.counts["conversations"]["kept"] > 10
    assert report.committed_usage == Usage()
    assert len(made(setting)) == 1


async def test_it_is_made_once_however_often_its_event_comes(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    event = setting.event_of(exports / "small.zip")
    async with hosted(setting, ("quickpass",)) as host:
        await setting.publish(IN, *[event] * 5)
        await ended(store, event)
        await setting.publish(IN, event)
        await setting.caught_up(host, "quickpass")
        assert ignored(host, "quickpass", "complete") >= 1
    assert (await store.list_runs(event.import_id))[0].state == "complete"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no export", "cannot be read"),
        (json_of([chain("Hello.", "Hi!")])[:-40], "nothing of the export could be read"),
    ],
)
async def test_an_export_that_cannot_be_read_ends_its_run_with_the_reason(
    setting: LocalSetting, store: Store, content: bytes, told: str
) -> None:
    (setting.root / "odd.json").write_bytes(content)
    async with hosted(setting, ("quickpass",)):
        run = await ended(store, await asked(setting, setting.root / "odd.json"))
    assert run.state == "failed"
    assert run.error is not None
    assert told in run.error["message"]
    assert made(setting) == []


@pytest.mark.parametrize("talks", [[], [chain("", "Hello, I am here to help.")]])
async def test_who_has_said_nothing_has_empty_sections(
    setting: LocalSetting, store: Store, talks: list[Any]
) -> None:
    (setting.root / "quiet.json").write_bytes(json_of(talks))
    async with hosted(setting, ("quickpass",)):
        event = await asked(setting, setting.root / "quiet.json")
        assert (await ended(store, event)).state == "complete"
    assert [memory.sections for memory in made(setting)] == [Sections()]


async def test_a_long_talk_is_read_beside_the_loop_and_counts_like_others(
    setting: LocalSetting, store: Store
) -> None:
    talks = [
        chain(("word " * words).strip(), "Sure.", conversation_id=f"t{number}")
        for number, words in enumerate((400_000, 3, 300_000))
    ]
    (setting.root / "long.json").write_bytes(json_of(talks))
    async with hosted(setting, ("quickpass",)):
        event = await asked(setting, setting.root / "long.json")
        assert (await ended(store, event)).state == "complete"
    report = await store.read_run(event.import_id, event.run)
    assert report is not None
    assert (report.counts["conversations"]["kept"], report.counts["messages"]) == (3, 6)


async def test_another_persons_object_is_refused(setting: LocalSetting, store: Store) -> None:
    async with hosted(setting, ("quickpass",)):
        run = await ended(store, await asked(setting, f"imports/{uuid4()}/a.zip"))
    assert (run.state, (run.error or {})["message"]) == (
        "failed",
        "source: the object lies in the folder of another user",
    )


async def test_a_small_import_is_not_held_up_by_large_ones(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with hosted(setting, ("quickpass",)):
        large = [await asked(setting, exports / "large.zip") for _ in range(4)]
        small = await asked(setting, exports / "small.zip")
        await asyncio.gather(*(ended(store, event) for event in (*large, small)))
    order = [memory.import_id for memory in made(setting)]
    assert order.index(small.import_id) < len(order) - 1


@asynccontextmanager
async def interrupted(kit: Kit) -> AsyncIterator[Service]:
    """Quickpass whose process ends before what it has kept is on the log."""
    publisher = Breaking(kit.publisher)
    async with app(replace(kit, publisher=publisher)) as service:
        yield service


class Breaking:
    """Publishes nothing of a memory, as where the process ends at this moment."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher

    async def publish(self, name: str, key: str, event: Any) -> None:
        if name == OUT:
            await asyncio.get_running_loop().create_future()
        await self._publisher.publish(name, key, event)


async def test_what_was_kept_is_not_paid_for_again(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes |= {"model": "claude", "anthropic_api_key": "test-key"}
    async with fake_claude() as fake:
        setting.changes["anthropic_base_url"] = fake.url
        async with hosted(setting, ("quickpass",), quickpass=interrupted):
            event = await asked(setting, exports / "small.zip")

            async def kept() -> bool:
                return await store.read_kept_memory(event.import_id, event.run) is not None

            await until(kept)
        calls = fake.told()["calls"]
        setting.lose_log()
        async with hosted(setting, ("quickpass",)):
            await setting.publish(IN, event)
            assert (await ended(store, event)).state == "complete"
        assert (fake.told()["calls"], calls) == (1, 1)
        (usage,) = await store.read_usage(event.user_id)
        assert spent_usage(usage) == served_usage(fake)


async def test_the_sweeper_of_v1_drives_what_was_lost(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes["stall_seconds"] = 0.2
    event = setting.event_of(exports / "small.zip")
    await store.take_run(event, V1, "builtin")
    async with hosted(setting, ("quickpass",)):
        assert (await ended(store, event)).state == "complete"


async def test_a_provider_that_is_away_is_waited_for(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes |= {"model": "claude", "anthropic_api_key": "test-key"}
    async with fake_claude() as fake:
        setting.changes["anthropic_base_url"] = fake.url
        fake.faults.chances = {"unauthorized": 1.0}
        async with hosted(setting, ("quickpass",), quickpass=eager) as host:
            event = await asked(setting, exports / "small.zip")

            async def held() -> bool:
                holds = await store.read_holds(60)
                return any("ANTHROPIC_API_KEY" in hold.reason for hold in holds)

            await until(held)
            fake.faults.chances = {}
            assert (await ended(store, event)).state == "complete"
            assert host.port


@asynccontextmanager
async def eager(kit: Kit) -> AsyncIterator[Service]:
    """Quickpass that tries again as soon as it is let."""
    async with app(kit) as service:
        yield replace(service, policy=replace(service.policy, trials=Backoff(base=0.1, cap=0.1)))


async def test_a_cancelled_import_is_not_read_to_its_end(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    event = setting.event_of(exports / "small.zip")
    await store.take_run(event, V1, "builtin")
    await store.cancel_run(event.import_id, event.run)
    async with hosted(setting, ("quickpass",)) as host:
        await setting.publish(IN, event)
        await setting.caught_up(host, "quickpass")
        assert ignored(host, "quickpass", "cancelled") == 1
    assert made(setting) == []


async def test_who_cancels_it_does_not_wait_for_the_model(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtin, "REPORT_SECONDS", 0.05)
    setting.changes |= {"model": "claude", "anthropic_api_key": "test-key"}
    async with fake_claude(latency=600.0) as fake:
        setting.changes["anthropic_base_url"] = fake.url
        async with hosted(setting, ("quickpass",)) as host:
            event = await asked(setting, exports / "small.zip")
            await until(lambda: fake.told()["requests"] > 0)
            await store.cancel_run(event.import_id, event.run)
            await until(lambda: ignored(host, "quickpass", "ended") == 1)
    assert made(setting) == []
