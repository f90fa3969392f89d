"""The door behind a real server: heads and bodies that a client library would not send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request

from services.gateway.access.door import Door
from services.gateway.access.opening import opened_access
from services.gateway.bodies import Bodies
from services.gateway.problems import tell_problems
from services.gateway.unread import Unread
from shared.host.http import FACE
from shared.settings import load_settings
from tests.support.auth_server import AuthServer, auth_server
from tests.support.http_server import ask, head, served, wire
from tests.support.known import DIGESTS, KEY

KEYED = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    async with auth_server() as server:
        yield server


@pytest.fixture(scope="module")
async def port(project: AuthServer) -> AsyncIterator[int]:
    settings = load_settings(service_keys=DIGESTS, supabase_url=project.url)
    async with opened_access(settings) as access:
        app = FastAPI()
        tell_problems(app)

        @app.post("/{path:path}")
        async def echo(request: Request) -> dict[str, Any]:
            return {"bytes": len(await request.body()), "raw": request.scope["raw_path"].decode()}

        app.add_middleware(Bodies, upload_bytes=1024**2)
        app.add_middleware(Door, access=access)
        app.add_middleware(Unread, linger=0.1)
        async with served(app, **FACE.options(), proxy_headers=False) as found:
            yield found


async def test_who_is_not_known_is_answered_before_the_body_comes_and_the_connection_ends(port: int) -> None:
    async with wire(port) as line:
        await line.send(head("POST", "/imports", content_length=1024**2, content_type="application/zip"))
        answer = await line.answer()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        await line.send(b"x" * 1024**2)
        assert await line.is_closed()


async def test_who_waits_to_be_asked_for_the_body_is_not_asked(port: int) -> None:
    async with wire(port) as line:
        await line.send(head("POST", "/import-full", content_length=10, expect="100-continue"))
        assert (await line.answer()).status == 401
        assert await line.is_closed()


async def test_a_body_that_never_ends_is_not_read_for_ever(port: int) -> None:
    async with wire(port) as line:
        await line.send(head("POST", "/query", transfer_encoding="chunked", authorization="Bearer wrong"))
        assert (await line.answer()).json == {"detail": "the key or token is not accepted"}

        async def trickle() -> None:
            while not line.writer.is_closing():
                await line.send(b"1\r\nx\r\n")
                await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        assert await line.is_closed()
        trickling.cancel()


async def test_who_is_known_keeps_the_connection(port: int) -> None:
    async with wire(port) as line:
        for _ in range(2):
            await line.send(head("POST", "/import-full", content_length=2, **KEYED), b"{}")
            answer = await line.answer()
            assert (answer.status, answer.json["bytes"]) == (200, 2)
            await line.send(head("POST", "/import-full"))
            assert (await line.answer()).status == 401


@pytest.mark.parametrize("size", [20_000, 31_000, 64 * 1024])
@pytest.mark.parametrize("name", ["authorization", "x_other", "cookie"])
async def test_a_large_head_is_refused_and_breaks_nothing(name: str, size: int, port: int) -> None:
    value = f"Bearer {'x' * size}" if name == "authorization" else "x" * size
    answer = await ask(port, "POST", "/imports", b"{}", **{name: value})
    assert answer.status in (400, 401, 431)
    assert len(answer.body) < 500


async def test_a_key_in_the_path_comes_through_a_real_server(port: int) -> None:
    answer = await ask(port, "POST", f"/k/{KEY}/import-full?x=%2fk%2f", b"{}")
    assert (answer.status, answer.json["raw"]) == (200, "/import-full")
    for target in (
        f"//k/{KEY}/query",
        f"/k/{KEY}/imports",
        f"/%6B/{KEY}/query",
        f"http://evil.invalid/k/{KEY}/x",
    ):
        answer = await ask(port, "POST", target, b"{}")
        assert (answer.status, answer.json) == (404, {"detail": "Not Found"}), target


async def test_two_credentials_are_none(port: int) -> None:
    async with wire(port) as line:
        twice = (
            f"POST /imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nAuthorization: x\r\n\r\n"
        )
        await line.send(twice.encode())
        assert (await line.answer()).status == 401
