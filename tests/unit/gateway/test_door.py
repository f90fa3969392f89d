"""The door: who is let in by what, and that nothing of it is repeated."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from services.gateway.access.opening import opened_access
from shared.settings import load_settings
from tests.support.auth_server import AuthServer, auth_server
from tests.support.known import (
    DIGESTS,
    EVENTS,
    IMPORT,
    KEY,
    OTHER_KEY,
    STRANGER,
    USER,
    application,
    bearer,
    client,
)


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    async with auth_server() as server:
        yield server


@pytest.fixture(scope="module")
async def gateway(project: AuthServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(
        service_keys=DIGESTS, supabase_url=project.url, cors="https://app.example.com"
    ) as opened:
        yield opened


async def test_a_service_key_is_every_persons(gateway: httpx2.AsyncClient) -> None:
    for key in (KEY, OTHER_KEY):
        answer = await gateway.get("/imports", params={"user_id": str(USER)}, headers=bearer(key))
        assert answer.status_code == 200
        assert answer.json()["service"] is True
    assert (await gateway.get("/imports", headers={"Authorization": f"bearer  {KEY} "})).status_code == 200


async def test_a_token_is_one_persons(gateway: httpx2.AsyncClient, project: AuthServer) -> None:
    headers = bearer(project.token(USER))
    answer = await gateway.get("/imports", params={"user_id": str(USER)}, headers=headers)
    assert (answer.json()["user"], answer.json()["service"]) == (str(USER), False)
    answer = await gateway.get("/imports", params={"user_id": str(STRANGER)}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(STRANGER) not in answer.text
    answer = await gateway.post("/import-full", params={"user_id": str(STRANGER)}, headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"detail": "this is another person's"})


@pytest.mark.parametrize(
    "path", ["/imports", "/profiles/x", "/metrics", "/import-full", "/query", "/what/ever"]
)
async def test_nobody_is_told_so_in_the_form_of_the_route(path: str, gateway: httpx2.AsyncClient) -> None:
    answer = await gateway.post(path, content=b"{" * 1000)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="soulprint"'
    ours = path.startswith(("/imports", "/profiles", "/metrics"))
    assert answer.headers["content-type"] == f"application/{'problem+json' if ours else 'json'}"
    assert set(answer.json()) == ({"type", "title", "status", "detail"} if ours else {"detail"})


async def test_anybody_may_ask_whether_the_gateway_is_well(gateway: httpx2.AsyncClient) -> None:
    for path in ("/livez", "/health"):
        assert (await gateway.get(path)).status_code == 200
        assert (await gateway.post(path)).status_code == 401
    assert (await gateway.get("/health-deep")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer  "},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY} {KEY}"},
        {"Authorization": f"Bearer {KEY},Bearer {KEY}"},
        [("Authorization", f"Bearer {KEY}"), ("Authorization", f"Bearer {OTHER_KEY}")],
        bearer("wrong-" + "1" * 60),
        bearer(hashlib.sha256(KEY.encode()).hexdigest()),
        bearer("a.b.c"),
        bearer("x" * 64 * 1024),
        bearer(f"{'x' * 60_000}.{'y' * 3000}.{'z' * 3000}"),
        [(b"Authorization", b"Bearer \xff\xfe\x00")],
        {"apikey": KEY},
        {"X-Api-Key": KEY},
        {"Cookie": f"key={KEY}"},
    ],
)
async def test_what_is_no_key_opens_nothing(headers: Any, gateway: httpx2.AsyncClient) -> None:
    answer = await gateway.get("/imports", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="soulprint"')
    assert KEY not in answer.text + str(answer.headers)


async def test_a_wrong_token_is_told_why_and_not_repeated(
    gateway: httpx2.AsyncClient, project: AuthServer
) -> None:
    token = project.token(USER, exp=1_700_000_000)
    answer = await gateway.get("/imports", headers=bearer(token))
    assert answer.status_code == 401
    assert (
        'error="invalid_token", error_description="the token has expired"'
        in answer.headers["www-authenticate"]
    )
    assert token[:40] not in answer.text


async def test_a_ticket_opens_the_events_of_its_import_and_nothing_else(project: AuthServer) -> None:
    async with opened_access(load_settings(service_keys=DIGESTS)) as access:
        transport = httpx2.ASGITransport(application(access))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as caller:
            ticket = access.tickets.give(IMPORT).text
            good = {"ticket": ticket}
            answer = await caller.get(EVENTS, params=good)
            assert answer.json() | {"url": "", "raw": ""} == {
                "user": None,
                "service": False,
                "import": str(IMPORT),
                "path": EVENTS,
                "raw": "",
                "url": "",
            }
            others = (
                await caller.get(f"/imports/{uuid4()}/events", params=good),
                await caller.get(f"/imports/{IMPORT}", params=good),
                await caller.get(f"{EVENTS}/", params=good),
                await caller.get("/imports", params=good),
                await caller.post(EVENTS, params=good),
                await caller.post(f"{EVENTS}/ticket", params=good),
                await caller.post("/import-full", params=good),
                await caller.get(EVENTS, params={"ticket": ticket[:-1]}),
                await caller.get(f"{EVENTS}?ticket={ticket}&ticket={ticket}"),
                await caller.get(f"{EVENTS}?ticket="),
                await caller.get(EVENTS, params=good, headers=bearer("wrong-" + "1" * 60)),
            )
            assert [each.status_code for each in others] == [401] * len(others)
            assert not any(ticket in each.text for each in others)
            answer = await caller.get(EVENTS, params=good | {"user_id": str(USER)})
            assert answer.status_code == 403


TRICKS: list[Mapping[str, str]] = [
    {"Host": "localhost"},
    {"Host": "evil.invalid"},
    {"Host": "127.0.0.1:8000\t"},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    {"X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": f"/k/{KEY}"},
    {"X-Original-URL": "/livez", "X-Rewrite-URL": "/health", "X-HTTP-Method-Override": "GET"},
    {"Origin": "https://app.example.com", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", TRICKS)
async def test_where_a_request_says_to_come_from_changes_nothing(
    headers: Mapping[str, str], gateway: httpx2.AsyncClient, project: AuthServer
) -> None:
    assert (await gateway.get("/imports", headers=headers)).status_code == 401
    for credentials in (KEY, project.token(USER)):
        assert (await gateway.get("/imports", headers={**headers, **bearer(credentials)})).status_code == 200


async def test_only_named_pages_may_read_and_a_refusal_too(gateway: httpx2.AsyncClient) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    page = {"Origin": "https://app.example.com"}
    answer = await gateway.options("/imports", headers=page | asks)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == page["Origin"]
    assert "access-control-allow-credentials" not in answer.headers
    answer = await gateway.get("/imports", headers=page)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, page["Origin"])
    stranger = {"Origin": "https://stranger.invalid"}
    assert (await gateway.options("/imports", headers=stranger | asks)).status_code == 400
    assert (
        "access-control-allow-origin"
        not in (await gateway.get("/imports", headers=stranger | bearer(KEY))).headers
    )
    async with client(service_keys=DIGESTS) as none:
        answer = await none.options("/imports", headers=page | asks)
        assert answer.status_code == 401
        assert "access-control-allow-origin" not in answer.headers


async def test_tokens_are_not_told_apart_while_the_projects_keys_cannot_be_had() -> None:
    server = AuthServer()
    await server.start()
    token, url = server.token(USER), server.url
    await server.stop()
    async with client(supabase_url=url, service_keys=DIGESTS) as caller:
        answer = await caller.get("/imports", headers=bearer(token))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert (await caller.get("/imports", headers=bearer("garbage"))).status_code == 401
        assert (await caller.get("/imports", headers=bearer(KEY))).status_code == 200
