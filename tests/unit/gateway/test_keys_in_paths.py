"""A key in a path: where it opens, and that it is gone from everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.gateway.access.access import Access
from services.gateway.access.door import Door
from services.gateway.access.keys import ServiceKeys
from services.gateway.access.opening import opened_access
from services.gateway.access.openness import Openness
from services.gateway.access.tickets import Tickets
from shared.domain.key_digests import key_digests
from shared.domain.origins import Origins
from shared.settings import load_settings
from tests.support.auth_server import AuthServer, auth_server
from tests.support.known import (
    DIGESTS,
    EVENTS,
    KEY,
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
        f"/x/../k/{KEY}/query",
        f"/api/k/{KEY}/query",
        f"/query/{KEY}",
        f"/api/%6b/{KEY[:-1]}%31/query",
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


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["/", "//", "%2f", "%2F", "/./", "/../"]),
            st.sampled_from(
                [
                    "k",
                    "K",
                    "%6b",
                    KEY,
                    f"%{ord(KEY[0]):02x}{KEY[1:]}",
                    "",
                    "x",
                    "imports",
                    "import-full",
                    "query",
                ]
            ),
        ),
        max_size=6,
    )
)
async def test_no_path_shows_a_key_to_what_is_behind_the_door(words: list[tuple[str, str]]) -> None:
    raw = "/" + "".join(f"{between}{word}" for between, word in words)[1:]
    seen: list[str] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        seen.append(f"{scope['path']} {unquote(scope['raw_path'].decode())}")

    async def sent(message: Any) -> None:
        seen.append(str(message))

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    access = Access(
        ServiceKeys(key_digests(DIGESTS)),
        Tickets(b"secret"),
        openness=Openness(Origins(), on_this_machine=False),
    )
    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": b"",
        "headers": [],
    }
    await Door(behind, access)(scope, receive, sent)
    assert seen
    assert KEY not in f"{seen} {unquote(str(scope))}"


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
