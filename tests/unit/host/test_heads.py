"""Heads of requests that do not come, at a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.host.heads import HeadsInTime
from tests.support.http_server import head, served, wire


class Hasty(HeadsInTime):
    seconds = 0.1


async def answer(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with served(answer, http=Hasty, timeout_keep_alive=60) as found:
        yield found


@pytest.mark.parametrize("begins", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX: y"])
async def test_a_head_that_stops_ends_the_connection(port: int, begins: bytes) -> None:
    async with wire(port) as line:
        await line.send(begins)
        assert await line.is_closed()
    async with wire(port) as line:
        await line.send(head("GET", "/"))
        assert (await line.answer()).body == b"ok"
        if begins:
            await line.send(begins)
            assert await line.is_closed()


async def test_a_body_and_a_connection_at_rest_may_take_longer(port: int) -> None:
    async with wire(port) as line, wire(port) as measure:
        await line.send(head("POST", "/", content_length=2), b"a")
        await measure.send(b"GET")
        assert await measure.is_closed()  # so long
        await line.send(b"b")
        assert (await line.answer()).body == b"ok"
    async with wire(port) as line, wire(port) as measure:
        await line.send(head("GET", "/"))
        assert (await line.answer()).body == b"ok"
        await measure.send(b"GET")
        assert await measure.is_closed()
        await line.send(head("GET", "/"))
        assert (await line.answer()).body == b"ok"
