"""By which settings a gateway starts, and an open one: who gets in, and whose pages do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.gateway.access.opening import opened_access
from shared.domain.errors import UsageError
from shared.settings import load_settings
from tests.support.auth_server import AuthServer, auth_server
from tests.support.known import (
    DIGESTS,
    EVENTS,
    IMPORT,
    KEY,
    STRANGER,
    USER,
    bearer,
    client,
)


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    async with auth_server() as server:
        yield server


async def test_without_keys_or_a_project_the_gateway_does_not_start() -> None:
    with pytest.raises(UsageError, match=r"SERVICE_KEYS.*SUPABASE_URL.*GATEWAY_OPEN"):
        async with opened_access(load_settings()):
            pass


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [
        ({"service_keys": DIGESTS, "gateway_host": "0.0.0.0"}, 0),
        ({"gateway_open": True}, 0),
        ({"gateway_open": True, "gateway_host": "::1"}, 0),
        ({"gateway_open": True, "gateway_host": "0.0.0.0"}, 1),
        ({"gateway_open": True, "gateway_host": ""}, 1),
        ({"gateway_open": True, "service_keys": DIGESTS}, 1),
        ({"gateway_open": True, "gateway_host": "10.0.0.1", "service_keys": DIGESTS}, 2),
    ],
)
async def test_that_everybody_is_let_in_is_said_at_every_start(
    settings: dict[str, Any], warnings: int
) -> None:
    with capture_logs() as lines:
        async with opened_access(load_settings(**settings)):
            pass
    assert [line["log_level"] for line in lines] == ["warning"] * warnings
    assert all("open" in line["event"] for line in lines)


async def test_who_brings_nothing_to_an_open_gateway_is_a_service_and_who_brings_something_is_held_to_it(
    project: AuthServer,
) -> None:
    async with client(gateway_open=True, supabase_url=project.url) as caller:
        assert (await caller.get("/imports", params={"user_id": str(USER)})).json()["service"] is True
        assert (await caller.post("/import-full")).status_code == 200
        answer = await caller.get(
            "/imports", params={"user_id": str(STRANGER)}, headers=bearer(project.token(USER))
        )
        assert answer.status_code == 403
        assert (await caller.get("/imports", headers=bearer("a.b.c"))).status_code == 401
        assert (await caller.post(f"/k/{KEY}/import-full")).status_code == 401
        assert (await caller.get(EVENTS, params={"ticket": "wrong"})).status_code == 401
    async with client(gateway_open=True, service_keys=DIGESTS) as caller:
        assert (await caller.get("/imports")).status_code == 200
        assert (await caller.get("/imports", headers=bearer(KEY))).status_code == 200
        assert (await caller.get("/imports", headers=bearer("wrong-" + "1" * 60))).status_code == 401
        assert (await caller.post(f"/k/{KEY}/import-full")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "soulprint.localhost"}, 200),
        ({"Host": "evil.invalid:8000"}, 403),  # a name that a stranger has lead here
        ({"Host": "[::1"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}, 200),
        ({"Origin": "https://evil.invalid"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
async def test_an_open_gateway_takes_nothing_from_pages_of_strangers(
    headers: dict[str, str], status: int
) -> None:
    async with client(gateway_open=True, cors_origins="https://app.example.com") as caller:
        for ask in (caller.get("/imports", headers=headers), caller.post("/import-full", headers=headers)):
            assert (await ask).status_code == status


async def test_behind_another_address_an_open_gateway_goes_by_any_name() -> None:
    async with client(gateway_open=True, gateway_host="0.0.0.0") as caller:
        assert (await caller.get("/imports", headers={"Host": "gateway:8000"})).status_code == 200
        headers = {"Host": "gateway:8000", "Origin": "https://evil.invalid"}
        assert (await caller.get("/imports", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "settings",
    [
        {"database_url": "postgresql://nora:tango@localhost/soulprint", "service_keys": DIGESTS},
        {"supabase_url": "http://127.0.0.1:1", "supabase_service_role_key": "sb_secret_tango"},
    ],
)
async def test_every_gateway_of_one_store_takes_the_tickets_of_the_others(settings: dict[str, Any]) -> None:
    async with (
        opened_access(load_settings(**settings)) as one,
        opened_access(load_settings(**settings)) as other,
        opened_access(load_settings(service_keys=DIGESTS)) as stranger,
    ):
        ticket = one.tickets.give(IMPORT).text
        assert other.tickets.good(ticket, IMPORT)
        assert not stranger.tickets.good(ticket, IMPORT)
