"""An app that fails, and what fails beside it: it is called as often as is safe, and holds up nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.writer import callbacks
from services.writer.app_call import Answer
from shared.store.store import Store
from tests.support.app_server import App, answer
from tests.support.callbacks import STATES, app, counted, deadlines, owed, settled
from tests.support.door import address_of, door_to, postgres_at
from tests.support.local import LocalSetting
from tests.support.services import hosted
from tests.support.waiting import until

__all__ = ["app", "deadlines"]


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


async def test_an_app_that_does_not_answer_may_have_acted(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    app: App,
    deadlines: list[asyncio.Timeout],
) -> None:
    app.held = asyncio.Event()
    await owed(store)
    async with hosted(setting, ("writer",)):
        await until(lambda: bool(app.emails))
        deadlines[0].reschedule(0.0)
        await settled(sql, "unknown")
    assert len(app.emails) == 1


async def test_a_call_that_broke_the_sender_is_not_made_again(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = callbacks.tell_app

    async def tell_and_break(url: str, user_id: UUID, fields: Mapping[str, Any]) -> Answer:
        answered = await tell(url, user_id, fields)
        if len(app.emails) == 1:
            raise ValueError
        return answered

    monkeypatch.setattr(callbacks, "tell_app", tell_and_break)
    monkeypatch.setattr("shared.host.services._REST", 0.01)
    users = [await owed(store) for _ in range(2)]
    async with hosted(setting, ("writer",)):
        await until(lambda: len(app.emails) >= 2)
    assert app.emails == [str(user) for user in users]
    assert [row["state"] for row in await sql.fetch(f"{STATES} ORDER BY created_at")] == ["marked", "sent"]


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


@pytest.mark.slow
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
