"""The app is told of an import whose memory is served: once, whatever comes twice or dies."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.pipelines import MEMORY_READY
from shared.store.store import Store
from tests.support.app_server import App
from tests.support.callbacks import STATES, app, counted, owed, settled
from tests.support.forking import ForkServer
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

__all__ = ["app"]


async def imported(setting: LocalSetting, store: Store, exports: Path) -> ImportReceived:
    event = await setting.import_of(exports / "small.zip")
    assert (await ended(store, event)).state == "complete"
    return event


async def test_the_app_is_told_once_whatever_is_delivered_or_processed_again(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, app: App
) -> None:
    async with hosted(setting) as host:
        event = await imported(setting, store, exports)
        await settled(sql, "sent")
        await setting.repeat(MEMORY_READY)
        replay = await setting.import_of(
            exports / "small.zip", event.user_id, import_id=event.import_id, run=2
        )
        assert (await ended(store, replay)).state == "complete"
        await setting.caught_up(host, "writer")
        other = await imported(setting, store, exports)
        await until(lambda: counted(host, "sent") == 2)
    assert app.emails == [str(event.user_id), str(other.user_id)]
    run = app.calls[0]
    assert run.keys() == {"user_id", "soulprint_ready", "memory_building", "processing_time"}
    assert (run["soulprint_ready"], run["memory_building"]) == (True, False)
    assert isinstance(run["processing_time"], int)


@pytest.mark.parametrize(
    "changes", [{"profile_format": "markdown"}, {"app_url": ""}], ids=["markdown", "no app"]
)
async def test_nobody_is_told_without_the_apps_format_and_address(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    exports: Path,
    app: App,
    changes: dict[str, str],
) -> None:
    setting.changes |= changes
    async with hosted(setting):
        await imported(setting, store, exports)
    assert await sql.fetch(STATES) == []
    assert app.calls == []


async def test_two_writers_tell_it_once(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    users = [await owed(store) for _ in range(12)]
    async with hosted(setting, ("writer",)):
        setting.lose_log()
        async with hosted(setting, ("writer",)):
            await until(lambda: len(app.emails) >= len(users))
    assert sorted(app.emails) == sorted(str(user) for user in users)
    assert {row["state"] for row in await sql.fetch(STATES)} == {"sent"}


async def test_a_writer_that_died_after_the_commit_leaves_the_call_to_the_next(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    user = await owed(store)
    await settled(sql, "due")
    async with hosted(setting, ("writer",)):
        await settled(sql, "sent")
    assert app.emails == [str(user)]


async def test_a_call_that_was_marked_by_a_writer_that_died_is_never_made_again(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    await owed(store)
    assert await store.take_callback(uuid4()) is not None
    other = await owed(store)
    async with hosted(setting, ("writer",)):
        await until(lambda: bool(app.emails))
    assert app.emails == [str(other)]
    assert [row["state"] for row in await sql.fetch(f"{STATES} ORDER BY created_at")] == ["marked", "sent"]


async def run(fork_server: ForkServer, command: list[str], environment: dict[str, str]) -> None:
    """A command, to its good end."""
    process = fork_server.command(command, environment)
    _, err = await asyncio.to_thread(process.communicate, 60)
    assert process.code == 0, err


async def test_a_process_that_is_killed_while_it_calls_has_made_its_only_call(
    setting: LocalSetting,
    sql: asyncpg.Connection,
    exports: Path,
    app: App,
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    app.held = asyncio.Event()
    environment = setting.environment() | {"SOULPRINT_HOME": str(tmp_path)}
    command = ["run", str(exports / "small.zip"), "--out", str(tmp_path / "out")]
    process = fork_server.command(command, environment)
    await until(lambda: bool(app.emails))
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.communicate, 30)
    app.held.set()
    async with hosted(setting, ("writer",)):
        setting.lose_log()
        await run(fork_server, command, environment)
    await settled(sql, "marked")
    assert len(app.emails) == 1


async def test_the_command_for_one_export_tells_the_app_before_it_ends(
    setting: LocalSetting,
    sql: asyncpg.Connection,
    exports: Path,
    app: App,
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    environment = setting.environment() | {"SOULPRINT_HOME": str(tmp_path)}
    command = ["run", str(exports / "small.zip"), "--out", str(tmp_path / "out")]
    await run(fork_server, command, environment)
    await settled(sql, "sent")
    assert len(app.emails) == 1


async def test_a_commit_does_not_wait_for_an_app_that_does_not_answer(
    setting: LocalSetting, store: Store, exports: Path, app: App
) -> None:
    app.held = asyncio.Event()
    async with hosted(setting) as host:
        first = await imported(setting, store, exports)
        await until(lambda: bool(app.emails))
        second = await imported(setting, store, exports)
        assert app.emails == [str(first.user_id)], "its call is still under way"
        app.held.set()
        await until(lambda: counted(host, "sent") == 2)
    assert app.emails == [str(first.user_id), str(second.user_id)]
