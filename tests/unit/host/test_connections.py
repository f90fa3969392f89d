"""Connections that keep a server waiting, at a real one."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.host import health
from shared.host.connections import Bounds
from shared.host.health import health_server
from shared.host.http import AT_ONCE, FACE
from tests.support.http_server import ask, head, served, wire
from tests.support.waiting import until

HASTY = Bounds(connections=4_096, head_seconds=0.1, untaken_seconds=0.1, slowest_bytes=10**9)
MANY = min(900, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 400)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    while scope["path"] != "/early" and (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with served(answer, **HASTY.options(), timeout_keep_alive=60) as found:
        yield found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def half_requests(port: int, count: int) -> Iterator[list[socket.socket]]:
    """So many connections from outside the loop, each with half a head."""
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]
        for line in lines:
            line.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nX: y")
            line.setblocking(False)
        yield lines


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


@pytest.mark.parametrize("goes_on", [b"", b"a"])
async def test_the_rest_of_a_body_that_was_answered_has_its_time(port: int, goes_on: bytes) -> None:
    async with wire(port) as line:
        await line.send(head("POST", "/early", content_length=9), b"a")
        assert (await line.answer()).body == b"ok"
        await line.send(goes_on)
        assert await line.is_closed()
    async with wire(port) as line:
        await line.send(head("POST", "/early", content_length=2), b"a")
        assert (await line.answer()).body == b"ok"
        await line.send(b"b", head("GET", "/"))
        assert (await line.answer()).body == b"ok"


async def test_half_requests_hold_no_descriptors_and_the_health_port_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "BOUNDS", replace(health.BOUNDS, head_seconds=1.0))
    seen = 0

    async def watch() -> None:
        nonlocal seen
        while True:
            seen = max(seen, descriptors())
            await asyncio.sleep(0)

    async with health_server("127.0.0.1", 0, lambda: "starting", CollectorRegistry()) as port:
        assert (await ask(port, "GET", "/livez")).status == 200
        before = descriptors()
        with half_requests(port, MANY):
            theirs = before + MANY
            watching = asyncio.create_task(watch())
            await until(lambda: theirs < descriptors() <= theirs + health.BOUNDS.connections)
            assert (await ask(port, "GET", "/livez")).status == 200  # while they are there
            await until(lambda: descriptors() <= theirs)
            assert (await ask(port, "GET", "/metrics")).status == 200
            watching.cancel()
            assert theirs < seen <= theirs + health.BOUNDS.connections + 6 * AT_ONCE
        await until(lambda: descriptors() <= before)


async def test_what_nobody_takes_of_the_metrics_ends_with_the_connection() -> None:
    size = 32 * 1024 * 1024

    async def much(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(size)})

    async with served(much, **HASTY.options()) as port:
        before = descriptors()
        with socket.create_connection(("127.0.0.1", port)) as lazy:
            lazy.sendall(head("GET", "/"))
            lazy.settimeout(30)
            await asyncio.to_thread(lazy.recv, 1)
            await until(lambda: descriptors() == before + 1)  # its own
    async with served(much, **replace(HASTY, slowest_bytes=1024 * 1024).options()) as port:
        assert len((await ask(port, "GET", "/")).body) == size  # who takes it has it


async def test_who_comes_when_all_places_are_taken_has_that_of_who_waited_longest() -> None:
    bounds = Bounds(connections=2)
    async with served(answer, **bounds.options()) as port, wire(port) as first, wire(port) as second:
        await first.send(b"GET / HT")
        await second.send(head("GET", "/"))
        assert (await second.answer()).body == b"ok"
        assert (await ask(port, "GET", "/")).body == b"ok"
        assert await first.is_closed()
        await second.send(head("GET", "/"))
        assert (await second.answer()).body == b"ok"
        async with wire(port) as third:
            await third.send(b"GET / HT")
            assert (await ask(port, "GET", "/")).body == b"ok"
            assert await second.is_closed()  # at rest, and longer than the third


async def test_nobody_who_is_being_answered_is_sent_away() -> None:
    entered, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        entered.release()
        await go_on.wait()
        await answer(scope, receive, send)

    async with served(slow, **Bounds(connections=2).options()) as port:
        asked = [asyncio.create_task(ask(port, "GET", "/")) for _ in range(2)]
        for _ in asked:
            await entered.acquire()
        async with wire(port) as late:
            assert await late.is_closed()
        go_on.set()
        assert [each.body for each in await asyncio.gather(*asked)] == [b"ok", b"ok"]


def test_a_server_takes_no_more_than_half_of_what_the_process_may_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def most_at(limit: int) -> int:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
        return int(FACE.options()["http"].args[0].most)

    assert most_at(1_024) == 512
    assert most_at(1_048_576) == most_at(resource.RLIM_INFINITY) == FACE.connections
