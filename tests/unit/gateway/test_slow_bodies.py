"""Bodies of requests that come slowly, stop, or are cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.gateway.bodies import Bodies, CutOffError, Patience
from tests.support.bodies import Setting, taking_bodies
from tests.support.http_server import ask, head, wire

PROBLEM = "application/problem+json"
JSON = {"content_type": "application/json"}


@pytest.fixture(scope="module")
async def setting() -> AsyncIterator[Setting]:
    async with taking_bodies() as setting:
        yield setting


@pytest.mark.parametrize("path", ["/imports", "/imports?name=a.json", "/query", "/import-full"])
@pytest.mark.parametrize("framing", [{"content_length": 1000}, {"transfer_encoding": "chunked"}])
@pytest.mark.parametrize("begins", [b"", b'5\r\n{"a":'])
async def test_a_body_that_stops_is_answered_and_the_connection_closed(
    setting: Setting, path: str, framing: dict[str, object], begins: bytes
) -> None:
    async with wire(setting.quick) as line:
        await line.send(head("POST", path, **framing, **JSON), begins)
        answer = await line.answer()
        assert (answer.status, "too slowly" in answer.json["detail"]) == (408, True), answer
        assert (answer.headers["content-type"] == PROBLEM) == path.startswith("/imports")
        line.writer.write_eof()
        assert await line.is_closed()


async def test_what_trickles_is_taken_for_silent() -> None:
    refused = list[int]()

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def route(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await receive()

    async def send(message: Any) -> None:
        refused.extend([message["status"]] if "status" in message else [])

    scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": [
        (b"transfer-encoding", b"chunked")]}  # fmt: skip
    await Bodies(route, upload_bytes=1, patience=Patience(0.1))(scope, trickle, send)
    assert refused == [408]


async def test_only_waiting_counts(setting: Setting) -> None:
    async def route(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(10):
            await receive()
            await asyncio.sleep(0.02)  # longer in all than a body is waited for

    pieces = iter([True] * 9 + [False])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": next(pieces)}

    async def send(_: Any) -> None:
        pytest.fail("it is refused")

    scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": [
        (b"transfer-encoding", b"chunked")]}  # fmt: skip
    await Bodies(route, upload_bytes=1, patience=Patience(0.1))(scope, receive, send)


async def test_what_is_cut_off_is_told_to_the_route_and_to_nobody_else(setting: Setting) -> None:
    upload = head("POST", "/imports", content_type="application/zip", content_length=1000)
    await setting.cut_off(upload, b"PK")
    assert isinstance(setting.seen[-1], CutOffError)
    await setting.cut_off(upload)
    assert isinstance(setting.seen[-1], CutOffError)
    chunked = head("POST", "/imports", content_type="application/zip", transfer_encoding="chunked")
    await setting.cut_off(chunked, b"5\r\nabcde\r\n5\r\nab")
    assert isinstance(setting.seen[-1], CutOffError)
    assert (await ask(setting.calm, "POST", "/query", b"x")).status == 200
