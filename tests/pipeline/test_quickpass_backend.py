"""Imports that a predecessor processes for quickpass: called for once, few at a time, ended as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.quickpass import backend
from shared.domain.runs import RunKind
from shared.pipelines import V1
from shared.resilience.backoff import Backoff
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.predecessor import Fault, Predecessor, predecessor, writing_profiles
from tests.support.predecessor.importing import SECTIONS as THEIRS
from tests.support.quickpass import IN, asked, made
from tests.support.services import ended, hosted
from tests.support.waiting import until


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of tests."""
    monkeypatch.setattr(backend, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(backend, "AGAIN", Backoff(base=0.01, cap=0.01))


@asynccontextmanager
async def by_http(setting: LocalSetting, *, fails: bool = False) -> AsyncIterator[Predecessor]:
    """A predecessor that quickpass hands imports to."""
    async with predecessor() as old:
        old.state.on_import = writing_profiles(setting.database, fails=fails)
        setting.changes |= {"v1_backend": "http", "v1_backend_url": old.url, "profile_format": "app"}
        yield old


@pytest.mark.usefixtures("brisk")
async def test_the_predecessor_processes_an_import_and_its_sections_are_served(
    setting: LocalSetting, store: Store
) -> None:
    async with by_http(setting) as old, hosted(setting, ("quickpass",)) as host:
        event = setting.event_of("imports/a.zip", conversation_count=12, message_count=99)
        await setting.publish(IN, *[event] * 3)
        assert (await ended(store, event)).state == "complete"
        await setting.caught_up(host, "quickpass")
        assert old.state.counts == {"POST /import-full": 1}
        assert old.state.taken[0].model_dump(exclude_defaults=True) == {
            "user_id": str(event.user_id),
            "storage_path": "imports/a.zip",
            "file_type": "zip",
            "conversation_count": 12,
            "message_count": 99,
        }
    profile = await store.read_profile(event.user_id)
    assert profile is not None
    assert {name: getattr(profile, name) for name in THEIRS} == THEIRS
    assert (profile.import_id, profile.pipeline, profile.memory_import_id) == (event.import_id, V1, None)
    assert profile.documents["app"] == {name.removesuffix("_md"): text for name, text in THEIRS.items()}
    assert made(setting) == []


@pytest.mark.usefixtures("brisk")
async def test_where_it_fails_so_does_the_run_in_its_words(setting: LocalSetting, store: Store) -> None:
    async with by_http(setting, fails=True), hosted(setting, ("quickpass",)):
        run = await ended(store, await asked(setting, "imports/a.zip"))
    assert run.state == "failed"
    assert "the v1 backend says that it failed" in (run.error or {})["message"]
    profile = await store.read_profile(run.user_id)
    assert profile is not None
    assert profile.full_pass_error == "out of memory"


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize(
    ("status", "calls", "told"),
    [(503, 3, "answered 503"), (404, 1, "refuses the import (404)")],
)
async def test_what_it_does_not_take_ends_failed(
    setting: LocalSetting, store: Store, status: int, calls: int, told: str
) -> None:
    async with by_http(setting) as old, hosted(setting, ("quickpass",)) as host:
        old.state.answers["/import-full"] = status
        run = await ended(store, await asked(setting, "imports/a.zip"))
        assert old.state.counts["POST /import-full"] == calls
        counted = host.registry.get_sample_value
        last = "refused" if status == 404 else "again"
        await until(lambda: counted("soulprint_predecessor_calls_total", {"outcome": last}) == calls)
    assert run.state == "failed"
    assert told in (run.error or {})["message"]


@pytest.mark.usefixtures("brisk")
async def test_what_it_may_have_taken_is_watched_and_not_sent_again(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection
) -> None:
    async with by_http(setting) as old, hosted(setting, ("quickpass",)):
        old.state.faults["/import-full"] = Fault.HEADERS
        event = await asked(setting, "imports/a.zip")
        await until(named(lambda: _posted(sql), "the call is settled"))
        await sql.execute(
            "UPDATE user_profiles SET full_pass_status = 'complete', soul_md = '{}' WHERE user_id = $1",
            event.user_id,
        )
        assert (await ended(store, event)).state == "complete"
        assert old.state.counts["POST /import-full"] == 1


def named(true: Callable[[], Awaitable[bool]], what: str) -> Callable[[], Awaitable[bool]]:
    true.__doc__ = what
    return true


async def _posted(sql: asyncpg.Connection) -> bool:
    return bool(
        await sql.fetchval("SELECT EXISTS (SELECT FROM v1_calls WHERE state = 'posted' AND token IS NULL)")
    )


@pytest.mark.usefixtures("brisk")
async def test_it_has_two_in_work_at_most_and_each_import_gets_its_turn(
    setting: LocalSetting, store: Store
) -> None:
    at_work = most = 0
    two_at_work = asyncio.Event()
    async with by_http(setting) as old:
        ends = writing_profiles(setting.database)

        async def on_import(body: Any) -> None:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            if most == 2:
                two_at_work.set()
            await two_at_work.wait()
            await asyncio.sleep(0.02)  # for a third to come in, if it were let
            at_work -= 1
            await ends(body)

        old.state.on_import = on_import
        async with hosted(setting, ("quickpass",)):
            events = [await asked(setting, f"imports/{n}.json") for n in range(7)]
            await asyncio.gather(*(ended(store, event) for event in events))
        assert most == 2
        assert old.state.counts["POST /import-full"] == 7


@pytest.mark.usefixtures("brisk")
async def test_what_it_had_in_work_is_watched_by_the_next_process(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection
) -> None:
    gate = asyncio.Event()
    async with by_http(setting) as old:
        old.state.on_import = writing_profiles(setting.database, between=gate)
        async with hosted(setting, ("quickpass",)):
            event = await asked(setting, "imports/a.json")
            await until(named(lambda: _posted(sql), "the call is settled"))
        setting.lose_log()
        setting.changes["v1_backend"] = "builtin"  # what was begun elsewhere ends there
        async with hosted(setting, ("quickpass",)):
            await setting.publish(IN, event)
            gate.set()
            assert (await ended(store, event)).state == "complete"
        assert old.state.counts["POST /import-full"] == 1
    assert made(setting) == []


@pytest.mark.usefixtures("brisk")
async def test_it_is_not_handed_a_local_file_nor_first_sections_of_another_run(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with by_http(setting) as old, hosted(setting, ("quickpass",)):
        local = await ended(store, await asked(setting, exports / "small.zip"))
        assert (local.state, "V1_BACKEND=builtin" in (local.error or {})["message"]) == ("failed", True)
        quick = await asked(setting, exports / "small.zip", kind=RunKind.QUICK, parent_id=uuid4())
        assert (await ended(store, quick)).state == "complete"
        assert old.state.counts == {}
    assert len(made(setting)) == 1


@pytest.mark.usefixtures("brisk")
async def test_what_is_due_to_one_that_is_no_longer_named_ends(setting: LocalSetting, store: Store) -> None:
    setting.changes |= {"v1_backend": "builtin", "profile_format": "app"}
    event = setting.event_of("imports/a.zip")
    await store.take_run(event, V1, "http", profile_format="app")
    await store.owe_v1_call(event.import_id, event.run)
    async with hosted(setting, ("quickpass",)):
        run = await ended(store, event)
    assert run.state == "failed"
    assert "set it to that of the v1 backend" in (run.error or {})["message"]
