"""The proxy to the V1 backend, over real HTTP: what is passed on, and that it is passed on once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.fronted import fronted
from tests.support.odd_server import How, Odd, odd_server
from tests.support.ports import free_port
from tests.support.predecessor import Fault, Predecessor
from tests.support.raw_http import raw

TARGETS = [
    "/echo/a%2Fb/../c//d/./%e2%82%ac/%00",
    "/echo?x=%20&y=+&&z=a%2fb?c",
    "/echo//evil.example/..%2f..",
    "/echo/%zz/;p=1/~!$'()*,:@",
]


@pytest.mark.parametrize("target", TARGETS)
async def test_path_and_query_go_byte_for_byte(old: Predecessor, front: str, target: str) -> None:
    answer = await raw(front, f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.status == 200
    assert old.state.calls[0].target == target


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get"])
async def test_any_method_goes(old: Predecessor, front: str, method: str) -> None:
    request = f"{method} /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    assert (await raw(front, request.encode())).status == 200
    assert [(call.method, call.headers["content-length"]) for call in old.state.calls] == [(method, "3")]


async def test_headers_of_a_connection_and_of_who_calls_stay_here(old: Predecessor, front: str) -> None:
    kept = {"content-type": "a/b", "accept": "x", "x-own": "1", "idempotency-key": "k", "if-none-match": "e"}
    dropped = {
        "authorization": "Bearer secret",
        "cookie": "session=secret",
        "connection": "close, x-named, content-length",
        "keep-alive": "timeout=1",
        "x-named": "1",
        "te": "trailers",
        "upgrade": "websocket",
        "proxy-authorization": "secret",
        "forwarded": "for=1.2.3.4",
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-host": "evil.example",
        "x-forwarded-prefix": "/x",
        "x-real-ip": "1.2.3.4",
        "expect": "100-continue",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in (kept | dropped).items())
    request = f"POST /echo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n{lines}\r\nab"
    await raw(front, request.encode())
    came = old.state.calls[0].headers
    ours = {"host": old.url.removeprefix("http://"), "x-soulprint-hop": "1", "content-length": "2"}
    assert came == kept | ours


async def test_lengths_and_chunks_stay_what_they_are(old: Predecessor, client: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 100_000

    by_length = (await client.post("/echo", content=b"y" * 300_000)).json()
    by_chunks = (await client.post("/echo", content=chunks())).json()
    assert by_length["length"] == by_chunks["length"] == 300_000
    assert by_length["headers"]["content-length"] == "300000"
    assert by_chunks["headers"]["transfer-encoding"] == "chunked"
    assert "content-length" not in by_chunks["headers"]
    assert by_chunks["sha256"] == hashlib.sha256(b"x" * 300_000).hexdigest()


async def test_what_is_packed_stays_packed() -> None:
    packed = gzip.compress(b"words " * 1000)
    odd = Odd(200, packed, "text/plain", {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    async with odd_server(odd) as backend, fronted(backend.url) as url:
        request = (
            f"POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n"
            "Connection: close\r\n\r\n"
        )
        answer = await raw(url, request.encode() + packed)
        assert backend.calls == [("/a", packed)]
    assert answer.body == packed
    assert answer.all("content-encoding") == ["gzip"]
    assert answer.all("content-length") == [str(len(packed))]


async def test_what_a_backend_says_of_itself_stays_there() -> None:
    said = {
        "Set-Cookie": "a=b",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Server": "old",
        "Date": "then",
        "Alt-Svc": "h3",
        "Connection": "x-mine",
        "X-Mine": "1",
        "X-Kept": "2",
        "Deprecation": "true",
    }
    async with odd_server(Odd(418, b"{}", headers=said)) as backend, fronted(backend.url) as url:
        answer = await raw(url, b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.status == 418
    names = sorted(name for name, _ in answer.headers)
    assert names == [
        "connection", "content-length", "content-type", "date", "deprecation", "server", "x-kept"
    ]  # fmt: skip
    assert answer.all("date") != ["then"]


async def test_a_redirect_is_passed_on_to_where_we_are(old: Predecessor, client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health-deep/?a=b")
    assert (answer.status_code, answer.headers["location"]) == (307, "/health-deep?a=b")
    old.state.faults["/round"] = Fault.REDIRECT
    answer = await client.post("/round", content=b"x")
    assert (answer.status_code, answer.headers["location"]) == (307, "/round")
    assert old.state.counts == {"GET /health-deep/": 1, "POST /round": 1}


async def test_our_own_routes_answer_for_themselves(old: Predecessor, client: httpx2.AsyncClient) -> None:
    assert (await client.post("/ours")).json() == {"by": "us"}
    wrong = await client.get("/ours")
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})
    assert old.state.calls == []


async def test_requests_that_come_back_to_us_are_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/a", headers={"X-Soulprint-Hop": "1"})
    assert answer.status_code == 508
    port = free_port()
    async with fronted(f"http://127.0.0.1:{port}", port) as url, httpx2.AsyncClient() as caller:
        answer = await caller.get(f"{url}/a")
    assert answer.status_code == 508
    assert "V1_BACKEND_URL" in answer.json()["detail"]


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/a", "*", "127.0.0.1:1"])
async def test_only_a_path_is_passed_on(old: Predecessor, front: str, target: str) -> None:
    method = {"*": "OPTIONS", "1": "CONNECT"}.get(target[0], "GET")
    request = f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert (await raw(front, request.encode())).status == 400
    assert old.state.calls == []


async def test_a_path_of_the_backends_address_stands_before_ours(old: Predecessor) -> None:
    async with fronted(f"{old.url}/echo") as url, httpx2.AsyncClient() as caller:
        assert (await caller.get(f"{url}/a?b=c")).json()["target"] == "/echo/a?b=c"


async def test_without_a_backend_there_is_nothing_else() -> None:
    async with fronted(None) as url, httpx2.AsyncClient() as caller:
        answer = await caller.post(f"{url}/query", json={})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_is_asked_twice(method: str) -> None:
    """Not where the connection breaks off before the answer, on a kept connection too."""
    whole, cut = Odd(200, b"{}"), Odd(200, b"", how=How.BROKEN)
    async with odd_server(whole, whole, whole, cut, cut) as backend, fronted(backend.url) as url:
        async with httpx2.AsyncClient(base_url=url) as caller:
            answers = [(await caller.request(method, f"/{n}")).status_code for n in range(3)]
            assert answers == [200] * 3
            backend.answers = [Odd(200, b"", how=How.BROKEN, kind="x\r\nx-no: " + "y" * 200_000)]
            assert (await caller.request(method, "/3")).status_code == 502
        assert [path for path, _ in backend.calls] == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize("status", [999, 600])
async def test_a_status_that_is_none_is_not_passed_on(status: int) -> None:
    async with (
        odd_server(Odd(status, b"{}")) as backend,
        fronted(backend.url) as url,
        httpx2.AsyncClient() as caller,
    ):
        assert (await caller.get(url)).status_code == 502


async def test_headers_that_are_too_long_are_not_passed_on(
    old: Predecessor, client: httpx2.AsyncClient
) -> None:
    answer = await client.get("/echo", headers={"X-Long": "x" * 65_536})
    assert answer.status_code in (400, 431)  # as it comes in pieces, or in one
    assert old.state.calls == []
    old.state.faults["/headers"] = Fault.HEADERS
    assert (await client.get("/headers")).status_code == 502
