"""What `soulprint doctor` says of the app that is to be told; it tells it nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.writer import app_call
from shared.settings import load_settings
from soulprint.doctor.app import check_app
from soulprint.doctor.check import Check
from tests.support.app_server import App, answer, app_server
from tests.support.door import address_of, door_to


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with app_server() as running:
        yield running


async def found(**settings: object) -> list[Check]:
    return await check_app(load_settings(**settings))


async def test_an_app_that_is_there_is_told_nothing(app: App) -> None:
    (check,) = await found(profile_format="app", app_url=app.url)
    assert (check.word, app.url in check.found) == ("ok", True)
    assert (app.calls, app.emails) == ([], [])


async def test_without_an_app_there_is_nothing_to_say() -> None:
    assert await found() == []
    (check,) = await found(profile_format="app")
    assert (check.word, "APP_URL" in check.advice) == ("note", True)


async def test_an_address_without_the_format_is_a_mistake(app: App) -> None:
    (check,) = await found(app_url=app.url)
    assert (check.word, "PROFILE_FORMAT=app" in check.advice) == ("missing", True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(308, "", Location="https://www.example.com/"), "redirects (308)"),
        (answer(404, "<html>"), "has no /api/import/complete"),
        (answer(502, "<html>"), "answers 502"),
        (b"", "cannot be reached"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_address_where_the_app_is_not(app: App, said: bytes, why: str) -> None:
    app.answers.append(said)
    (check,) = await found(profile_format="app", app_url=app.url)
    assert check.word == "missing"
    assert why in check.found


async def test_an_app_that_does_not_answer(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_call, "PROBE_SECONDS", 0.2)
    async with door_to(address_of(app.url)) as door:
        door.swallow()
        async with asyncio.timeout(5):
            (check,) = await found(profile_format="app", app_url=door.url(app.url))
    assert "cannot be reached" in check.found
