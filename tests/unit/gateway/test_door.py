"""The door: who is let in by what, and that nothing of it shows anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI, Request
from structlog.testing import capture_logs

from services.gateway.access.access import Access
from services.gateway.access.cors import let_pages_read
from services.gateway.access.door import Door
from services.gateway.access.opening import opened_access
from services.gateway.problems import tell_problems
from shared.domain.errors import UsageError
from shared.domain.origins import origins
from shared.settings import load_settings
from tests.support.auth_server import AuthServer, auth_server

KEY, OTHER_KEY = "service-key-of-the-tests-" + "1" * 40, "service-key-of-the-tests-" + "2" * 40
USER, STRANGER = UUID("0d9b3c54-9ed1-4c63-b7a2-6a3b3d1b7f10"), UUID("7a1c9b52-11f8-4dd1-9a67-2c3e0c5d6e7f")
IMPORT = UUID("5f0f8b0e-6c67-4b6e-9a53-0a4a7c1b9d21")
EVENTS = f"/imports/{IMPORT}/events"
DIGESTS = ",".join(hashlib.sha256(key.encode()).hexdigest() for key in (KEY, OTHER_KEY))


def bearer(credentials: str) -> dict[str, str]:
    """The header that brings them."""
    return {"Authorization": f"Bearer {credentials}"}


def application(access: Access, *, cors: str = "") -> FastAPI:
    """Routes that say who calls and by which path, behind the door."""
    app = FastAPI(docs_url=None, redoc_url=None)
    tell_problems(app)

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def echo(request: Request, user_id: UUID | None = None) -> dict[str, Any]:
        scope = request.scope
        if scope["path"] in ("/livez", "/health"):
            return {"path": scope["path"]}
        caller = await access.caller(request)
        if user_id is not None:
            caller.require(user_id)
        return {
            "user": caller.user_id,
            "service": caller.service,
            "import": caller.import_id,
            "path": scope["path"],
            "raw": scope["raw_path"].decode(),
            "url": str(request.url),
        }

    app.add_middleware(Door, access=access)
    let_pages_read(app, origins(cors))
    return app


@asynccontextmanager
async def client(*, cors: str = "", **settings: object) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application with these settings."""
    async with opened_access(load_settings(**settings)) as access:
        app = application(access, cors=cors)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as opened:
            yield opened


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


@pytest.mark.parametrize(
    "path", ["/import-full", "/process-full", "/health", "/query", f"/embedding-status/{USER}", "/test-patch"]
)
async def test_a_key_in_the_path_is_a_services_and_leaves_no_trace(
    path: str, gateway: httpx2.AsyncClient
) -> None:
    with capture_logs() as lines:
        answer = await gateway.post(f"/k/{KEY}{path}?a=b")
    assert answer.status_code == 200
    told = answer.json()
    assert told["path"] == told.get("raw", path) == path
    assert told.get("service", True) is True
    assert KEY not in answer.text + str(answer.headers) + str(lines)


@pytest.mark.parametrize(
    "path",
    [
        f"/k/{KEY}/imports",
        f"/k/{KEY}{EVENTS}",
        f"/k/{KEY}/profiles/{USER}",
        f"/k/{KEY}/metrics",
        f"/k/{KEY}/livez",
        f"/k/{KEY}/openapi.json",
        f"/k/{KEY}/embedding-status/",
        f"/k/{KEY}/embedding-status/{USER}/more",
        f"/k/{KEY}/import-full/",
        f"/k/{KEY}//import-full",
        f"/k/{KEY}/k/{KEY}/import-full",
        f"/k/{KEY}/../import-full",
        f"/k/{KEY}/import-full%2F..%2F..%2Fimports",
        f"/k/{KEY}/%69mports",
        f"/k/{KEY}",
        f"/k/{KEY}/",
        f"/K/{KEY}/import-full",
        f"//k/{KEY}/import-full",
        f"/./k/{KEY}/import-full",
        f"/%6b/{KEY}/import-full",
        f"/%2fk/{KEY}/import-full",
        f"/k%2f{KEY}/import-full",
        f"/k/{KEY}%2fimport-full",
        f"/k/%73{KEY[1:]}/import-full",
        "/k//import-full",
        "/k/\xff/import-full",
    ],
)
@pytest.mark.parametrize("headers", [{}, bearer(KEY)])
async def test_a_key_in_any_other_path_is_no_route_and_goes_nowhere(
    path: str, headers: dict[str, str], project: AuthServer
) -> None:
    seen: list[str] = []

    async def outermost(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        finally:
            seen.append(f"{scope['path']} {scope['raw_path']}")

    async with opened_access(load_settings(service_keys=DIGESTS)) as access:
        app = application(access)
        sent: list[Any] = []
        raw = path.encode("latin-1")
        scope = {
            "type": "http",
            "method": "POST",
            "path": httpx2.URL("http://x").copy_with(raw_path=raw).path if path.isascii() else path,
            "raw_path": raw,
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        await outermost(scope, receive, send)
    assert sent[0]["status"] == 404
    assert sent[1]["body"] == b'{"detail":"Not Found"}'
    assert KEY not in str(seen)
    assert KEY not in str(sent)


async def test_a_wrong_key_in_the_path_is_refused_as_the_predecessor_speaks(
    gateway: httpx2.AsyncClient,
) -> None:
    wrong = "wrong-" + "1" * 60
    answer = await gateway.post(f"/k/{wrong}/import-full", headers=bearer(KEY))
    assert answer.status_code == 401
    assert answer.json() == {"detail": "the key in the path is not accepted"}
    assert "www-authenticate" in answer.headers
    assert wrong not in answer.text + str(answer.headers)


async def test_credentials_come_before_a_key_in_the_path(
    gateway: httpx2.AsyncClient, project: AuthServer
) -> None:
    answer = await gateway.post(f"/k/{KEY}/import-full", headers=bearer(project.token(USER)))
    assert answer.json()["user"] == str(USER)
    answer = await gateway.post(f"/k/{KEY}/import-full", headers=bearer("wrong-" + "1" * 60))
    assert answer.status_code == 401


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
