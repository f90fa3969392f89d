"""The app is told of an import whose memory is served: once, whatever comes twice, dies or fails."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.writer import app_call, callbacks
from shared.domain.events import ImportReceived
from shared.host.host import Host
from shared.pipelines import MEMORY_READY
from shared.resilience.backoff import Backoff
from shared.store.store import Store
from tests.support.app_server import App, answer, app_server
from tests.support.door import address_of, door_to, postgres_at
from tests.support.forking import ForkServer
from tests.support.local import LocalSetting
from tests.support.records import commit, memory_of
from tests.support.runs import begin_run
from tests.support.services import ended, hosted
from tests.support.waiting import until

STATES = "SELECT state FROM callbacks"


@pytest.fixture
async def app(setting: LocalSetting, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """An app that is to be told, soon after each failure."""
    monkeypatch.setattr(callbacks, "AGAIN", Backoff(base=0.01, cap=0.01))
    monkeypatch.setattr(callbacks, "LOOK_SECONDS", 0.05)
    async with app_server() as running:
        setting.changes |= {"profile_format": "app", "app_url": running.url}
        yield running


async def settled(sql: asyncpg.Connection, state: str) -> None:
    """Return when the one call that was owed has come to this state."""

    async def has() -> bool:
        return [row["state"] for row in await sql.fetch(STATES)] == [state]

    has.__doc__ = f"the call is {state}"
    await until(has)


def counted(host: Host, outcome: str) -> float:
    labels = {"kind": "complete", "outcome": outcome}
    return host.registry.get_sample_value("soulprint_callbacks_total", labels) or 0.0


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


async def owed(store: Store) -> UUID:
    """Whose import was committed by a writer that died before it marked the call."""
    import_id, user_id = uuid4(), uuid4()
    await begin_run(store, import_id, user_id, "/a.zip", "v2")
    memory = memory_of(import_id=import_id, user_id=user_id)
    assert (await commit(store, memory, profile_format="app", notify=True)).written
    return user_id


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


async def test_a_stop_waits_for_the_call_under_way(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    app.held = asyncio.Event()
    async with hosted(setting, ("writer",)) as host:
        await owed(store)
        await until(lambda: bool(app.emails))
        host.stop()
        asyncio.get_running_loop().call_later(0.1, app.held.set)
    await settled(sql, "sent")


async def test_a_stop_does_not_wait_for_ever(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    app: App,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks, "PARTING_SECONDS", 0.1)
    app.held = asyncio.Event()
    with capture_logs() as logs:
        async with hosted(setting, ("writer",)):
            await owed(store)
            await until(lambda: bool(app.emails))
    await settled(sql, "marked")
    (told,) = [line for line in logs if line["event"] == "app not told"]
    assert (told["outcome"], told["step"]) == ("unknown", "callback")


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


async def test_an_app_that_does_not_answer_may_have_acted(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    app: App,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_call, "CALL_SECONDS", 0.2)
    app.held = asyncio.Event()
    await owed(store)
    async with hosted(setting, ("writer",)):
        await settled(sql, "unknown")
    assert len(app.emails) == 1


FAULTS: dict[str, tuple[list[bytes], str, int, int]] = {
    "busy once": ([answer(429, {}, Retry_After="0")], "sent", 2, 1),
    "broken for a while": ([answer(500, "<html>secret</html>")] * 4, "sent", 5, 1),
    "broken": ([answer(500, {"error": "secret"})] * 9, "given_up", 5, 0),
    "always busy": ([answer(429, {})] * 9, "given_up", 5, 0),
    "redirects": ([answer(307, "", Location="/api/import/complete")], "refused", 1, 0),
    "not the app": ([answer(200, "<html>secret</html>")], "unknown", 1, 0),
    "closes": ([b""], "unknown", 1, 0),
    "forbidden": ([answer(403, {"error": "secret"})], "refused", 1, 0),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_app_that_fails_is_called_as_often_as_is_safe(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App, fault: str
) -> None:
    app.answers, state, calls, emails = list(FAULTS[fault][0]), *FAULTS[fault][1:]
    with capture_logs() as logs:
        async with hosted(setting, ("writer",)) as host:
            await owed(store)
            await settled(sql, state)
            assert (counted(host, state), counted(host, "again")) == (1, calls - 1)
    assert (len(app.calls), len(app.emails)) == (calls, emails)
    assert [line["outcome"] for line in logs if line["event"] == "app not told"] == [state] * (
        state != "sent"
    )
    assert "secret" not in repr(logs)


async def test_the_app_is_called_no_sooner_than_it_asks(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    app.answers = [answer(429, {}, Retry_After="900"), answer(429, {}, Retry_After="99999")]
    left = (
        "SELECT extract(epoch FROM due_at - updated_at)::float FROM callbacks"
        " WHERE attempts = $1 AND state = 'due'"
    )
    async with hosted(setting, ("writer",)):
        await owed(store)
        for attempt, asked in ((1, 900), (2, callbacks.LONGEST_WAIT)):

            async def waits(attempt: int = attempt, asked: float = asked) -> bool:
                return await sql.fetchval(left, attempt) == asked

            await until(waits)
            await sql.execute("UPDATE callbacks SET due_at = now()")
        await settled(sql, "sent")


async def test_an_app_that_is_not_up_yet_is_told_later(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    async with door_to(address_of(app.url)) as door:
        port, setting.changes["app_url"] = door.port, door.url(app.url)
    async with hosted(setting, ("writer",)) as host:
        await owed(store)
        await until(lambda: counted(host, "again") >= 1)
        async with door_to(address_of(app.url), port):
            await settled(sql, "sent")
    assert len(app.emails) == 1


async def test_what_the_app_answered_is_noted_once_the_database_is_back(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App
) -> None:
    app.held = asyncio.Event()
    async with door_to(postgres_at(setting.database)) as door:
        setting.database = door.dsn(setting.database)
        async with hosted(setting, ("writer",)):
            await owed(store)
            await until(lambda: bool(app.emails))
            door.refuse()
            app.held.set()
            entered = door.entered
            await until(lambda: door.entered > entered)
            door.open()
            await settled(sql, "sent")
    assert len(app.emails) == 1
