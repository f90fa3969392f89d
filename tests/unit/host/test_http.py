"""The sockets of HTTP servers."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from shared.domain.errors import UsageError
from shared.host import http
from shared.host.http import bound, opened_front
from shared.sockets import ACCEPTING
from tests.support.waiting import until


def test_a_socket_says_that_it_is_tcp() -> None:
    with bound("127.0.0.1", 0, what="a test", setting="GATEWAY") as sock:
        # else asyncio sets no TCP_NODELAY: an answer on a connection that stays open comes 40 ms late
        assert sock.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_refused_with_the_setting_to_change() -> None:
    with bound("127.0.0.1", 0, what="a test", setting="GATEWAY") as taken:
        taken.listen()
        with pytest.raises(UsageError, match="GATEWAY_PORT"):
            bound("127.0.0.1", taken.getsockname()[1], what="a test", setting="GATEWAY")


async def test_a_client_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 200)
    assert ACCEPTING[-1] == (*seconds[:2], 60_000)
    monkeypatch.setattr(http, "ACCEPTING", [*ACCEPTING[:-1], seconds])
    gone = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        writing = asyncio.create_task(_without_end(send))
        while (await receive())["type"] != "http.disconnect":
            pass
        writing.cancel()
        gone.set()

    async with opened_front("127.0.0.1", 0) as front:
        await front.serve(endless)
        with socket.socket() as client:
            await until(lambda: client.connect_ex(("127.0.0.1", front.port)) == 0)
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            async with asyncio.timeout(30):
                await gone.wait()


async def _without_end(send: Any) -> None:
    while True:
        await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_of_no_machine_or_another_is_refused_with_that_setting(host: str) -> None:
    with pytest.raises(UsageError, match="GATEWAY_HOST"):
        bound(host, 0, what="a test", setting="GATEWAY")
