"""One call of the app, over real HTTP: what each answer, and each lack of one, means."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.writer import app_call
from services.writer.app_call import Answer, Outcome, tell_app
from tests.support.app_server import App, answer, app_server
from tests.support.callbacks import deadlines
from tests.support.door import address_of, door_to
from tests.support.waiting import until

__all__ = ["deadlines"]
USER = uuid4()
FIELDS = {"soulprint_ready": True, "memory_building": False, "processing_time": 61}


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with app_server() as running:
        yield running


async def tell(app: App, path: str = "") -> Answer:
    return await tell_app(app.url + path, USER, FIELDS)


async def test_the_app_is_told_and_its_guard_passes_us(app: App) -> None:
    told = await tell(app)
    assert (told.outcome, told.email_sent, told.push_sent) == (Outcome.SENT, True, False)
    assert app.calls == [{"user_id": str(USER), **FIELDS}]
    assert app.emails == [str(USER)]


async def test_a_user_that_the_app_does_not_know(app: App) -> None:
    app.strangers.add(str(USER))
    told = await tell(app)
    assert (told.outcome, app.emails) == (Outcome.REFUSED, [])
    assert "knows no such user" in told.reason


@pytest.mark.parametrize(
    ("said", "outcome", "why"),
    [
        (answer(400, {"error": "x"}), Outcome.REFUSED, "refuses the call (400)"),
        (answer(401, {}), Outcome.REFUSED, "(401)"),
        (answer(403, {}), Outcome.REFUSED, "(403)"),
        (answer(404, "<html>"), Outcome.REFUSED, "is APP_URL right?"),
        (answer(307, "", Location="https://other.example.com/"), Outcome.REFUSED, "redirects (307)"),
        (answer(301, "", Location="/"), Outcome.REFUSED, "redirects (301)"),
        (answer(429, {}), Outcome.AGAIN, "answered 429"),
        (answer(500, "<html>"), Outcome.AGAIN, "answered 500"),
        (answer(502, "<html>"), Outcome.AGAIN, "answered 502"),
        (answer(503, {}), Outcome.AGAIN, "answered 503"),
        (answer(504, "<html>"), Outcome.UNKNOWN, "no answer from it (504)"),
        (answer(524, "<html>"), Outcome.UNKNOWN, "no answer from it (524)"),
        (answer(202, {}), Outcome.UNKNOWN, "answered 202"),
        (answer(200, "<html>secret words</html>"), Outcome.UNKNOWN, "not the app's answer"),
        (answer(200, ["secret words"]), Outcome.UNKNOWN, "not the app's answer"),
        (answer(200, {"secret": "words"}), Outcome.UNKNOWN, "not the app's answer"),
        (answer(200, {"success": False, "error": "secret words"}), Outcome.REFUSED, "did not succeed"),
        (answer(200, {"success": True, "pad": "x" * 99_999}), Outcome.UNKNOWN, "not the app's answer"),
        (answer(200, {"success": True})[:-9], Outcome.UNKNOWN, "broke off"),
        (b"HTTP/1.1 200 Answer\r\nContent-Encoding: gzip\r\n\r\nno gzip", Outcome.UNKNOWN, "broke off"),
        (b"SSH-2.0-server\r\n", Outcome.UNKNOWN, "broke off"),
        (b"", Outcome.UNKNOWN, "broke off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_an_answer_means(app: App, said: bytes, outcome: Outcome, why: str) -> None:
    app.answers.append(said)
    told = await tell(app)
    assert told.outcome is outcome
    assert why in told.reason
    assert "secret" not in told.reason
    assert len(app.calls) == 1, "one call, and no redirect followed"


async def test_the_wait_that_the_app_asks_for(app: App) -> None:
    app.answers += [answer(429, {}, Retry_After="7"), answer(503, {}, Retry_After="soon"), answer(500, {})]
    assert [(await tell(app)).retry_after for _ in range(3)] == [7.0, None, None]


async def test_an_app_that_sends_its_mail_and_then_breaks_off(app: App) -> None:
    app.breaks_off = True
    assert (await tell(app)).outcome is Outcome.UNKNOWN
    assert len(app.emails) == 1


async def test_an_app_that_is_too_slow(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_call, "CALL_SECONDS", 0.3)
    app.held = asyncio.Event()
    told = await tell(app)
    assert (told.outcome, told.reason) == (Outcome.UNKNOWN, "no answer within 0.3 s")


async def test_an_app_that_trickles_is_too_slow_as_well(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_call, "CALL_SECONDS", 0.3)
    app.trickles = True
    assert (await tell(app)).outcome is Outcome.UNKNOWN


async def test_what_was_never_sent_may_be_tried_again(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_call, "CONNECT_SECONDS", 0.2)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        refused = await tell_app(f"http://127.0.0.1:{nobody.getsockname()[1]}", USER, FIELDS)
    assert refused.outcome is Outcome.AGAIN
    assert "cannot be reached" in refused.reason
    plain = await tell_app(app.url.replace("http:", "https:"), USER, FIELDS)
    assert (plain.outcome, app.calls) == (Outcome.AGAIN, []), "no TLS there"
    async with door_to(address_of(app.url)) as door:
        door.swallow()
        silent = await tell_app(door.url(app.url).replace("http:", "https:"), USER, FIELDS)
    assert (silent.outcome, app.calls) == (Outcome.AGAIN, [])


async def test_a_connection_that_goes_silent_after_the_call_was_sent(
    app: App, deadlines: list[asyncio.Timeout]
) -> None:
    app.held = asyncio.Event()
    async with door_to(address_of(app.url)) as door:
        telling = asyncio.create_task(tell_app(door.url(app.url), USER, FIELDS))
        await until(lambda: bool(app.emails))
        door.swallow(new=False)
        app.held.set()
        deadlines[0].reschedule(0.0)
        assert (await telling).outcome is Outcome.UNKNOWN


async def test_a_wrong_path_in_the_address(app: App) -> None:
    told = await tell(app, "/soul")
    assert (told.outcome, app.emails) == (Outcome.REFUSED, [])
