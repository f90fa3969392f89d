"""The proxy where something is wrong: with the backend, with the caller, with a body between them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from services.gateway import body_rules, proxy
from services.gateway.bodies import Patience
from tests.support.fronted import fronted
from tests.support.odd_server import How, Odd, odd_server
from tests.support.ports import free_port
from tests.support.predecessor import Fault, Predecessor, faults
from tests.support.raw_http import connected, raw, read_answer
from tests.support.waiting import until

CLOSE = "Host: a\r\nConnection: close\r\n"


async def test_a_backend_that_is_not_there_is_502(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fronted(f"http://127.0.0.1:{free_port()}") as url, httpx2.AsyncClient() as caller:
        answer = await caller.post(f"{url}/query", json={"user_id": "a"})
    assert (answer.status_code, answer.json()) == (502, {"detail": "the V1 backend cannot be reached"})


async def test_a_backend_that_hangs_is_504(monkeypatch: pytest.MonkeyPatch, old: Predecessor) -> None:
    monkeypatch.setitem(proxy._TIMEOUT, "read", 0.05)
    old.state.faults["/query"] = Fault.HANG
    async with fronted(old.url) as url, httpx2.AsyncClient() as caller:
        answer = await caller.post(f"{url}/query", json={"user_id": "a"})
    assert answer.status_code == 504
    assert answer.json()["detail"].startswith("the V1 backend did not answer")
    await until(lambda: old.state.gone["/query"] == 1)
    assert old.state.counts["POST /query"] == 1


async def test_where_there_is_no_body_none_is_announced() -> None:
    async with odd_server(Odd(204, b"hello")) as backend, fronted(backend.url) as url:
        answer = await raw(url, f"GET /chat HTTP/1.1\r\n{CLOSE}\r\n".encode())
    assert (answer.status, answer.body, answer.all("content-length")) == (204, b"", [])


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.DIE_CHUNKED])
async def test_an_answer_that_breaks_off_comes_broken(old: Predecessor, front: str, fault: Fault) -> None:
    old.state.faults["/chat"] = fault
    answer = await raw(front, f"GET /chat HTTP/1.1\r\n{CLOSE}\r\n".encode())
    assert answer.status == 200
    assert answer.body  # what came
    if fault is Fault.DIE:
        assert answer.all("content-length") == ["1000"]
        assert len(answer.body) < 1000
    else:
        assert answer.all("transfer-encoding") == ["chunked"]
        assert not answer.body.endswith(b"0\r\n\r\n")
    async with httpx2.AsyncClient(base_url=front) as caller:
        with pytest.raises(httpx2.RemoteProtocolError):
            await caller.get("/chat")
    assert old.state.counts["GET /chat"] == 2


async def test_an_answer_that_stops_coming_comes_broken(
    monkeypatch: pytest.MonkeyPatch, old: Predecessor
) -> None:
    monkeypatch.setitem(proxy._TIMEOUT, "read", 0.01)
    monkeypatch.setattr(faults, "DRIP_SECONDS", 60.0)
    old.state.faults["/chat"] = Fault.DRIP
    async with fronted(old.url) as url:
        answer = await raw(url, f"GET /chat HTTP/1.1\r\n{CLOSE}\r\n".encode())
    assert answer.body == b"1\r\n.\r\n"
    await until(lambda: old.state.gone["/chat"] == 1)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
async def test_a_caller_that_goes_away_ends_the_backends_request(
    old: Predecessor, front: str, fault: Fault
) -> None:
    old.state.faults["/generate-soulprint/a"] = fault
    async with connected(front) as (_, writer):
        writer.write(b"GET /generate-soulprint/a HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: old.state.under_way == 1)
    await until(lambda: old.state.under_way == 0)
    assert old.state.gone == {"/generate-soulprint/a": 1}
    assert len(old.state.calls) == 1


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_a_body_that_is_cut_off_is_never_whole_at_the_backend(
    old: Predecessor, front: str, framing: str
) -> None:
    async with connected(front) as (_, writer):
        writer.write(f"POST /echo HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n3\r\nabc\r\n".encode())
        await until(lambda: old.state.under_way == 1)
    await until(lambda: old.state.under_way == 0)
    assert old.state.gone == {"/echo": 1}


async def test_one_person_has_not_all_of_the_backend(old: Predecessor) -> None:
    old.state.faults["/slow"] = Fault.HANG
    ana = UUID(int=0xA)
    async with fronted(old.url, person=ana) as url, httpx2.AsyncClient(base_url=url) as caller:
        waiting = [asyncio.create_task(caller.get("/slow")) for _ in range(proxy.AT_ONCE_OF_ONE)]
        await until(lambda: old.state.under_way == proxy.AT_ONCE_OF_ONE)
        refused = await caller.get("/echo")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        for each in waiting:
            each.cancel()
        await until(lambda: old.state.under_way == 0)
        assert (await caller.get("/echo")).status_code == 200


async def test_only_so_many_are_passed_on_at_a_time(old: Predecessor) -> None:
    old.state.faults["/slow"] = Fault.HANG
    async with fronted(old.url, at_once=2) as url, httpx2.AsyncClient(base_url=url) as caller:
        waiting = [asyncio.create_task(caller.get("/slow")) for _ in range(2)]
        await until(lambda: old.state.under_way == 2)
        refused = await caller.get("/echo")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        await until(lambda: old.state.under_way == 0)
        assert (await caller.get("/echo")).status_code == 200


async def test_a_body_that_turns_out_too_large_is_never_whole_at_the_backend(
    monkeypatch: pytest.MonkeyPatch, old: Predecessor, front: str
) -> None:
    monkeypatch.setattr(body_rules, "PROXIED", replace(body_rules.PROXIED, most=100_000))
    async with connected(front) as (reader, writer):
        writer.write(f"POST /echo HTTP/1.1\r\n{CLOSE}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(30):
            writer.write(b"2710\r\n%b\r\n" % (b"x" * 10_000))
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"413"
    await until(lambda: old.state.under_way == 0)
    assert old.state.gone == {"/echo": 1}


@pytest.mark.slow
async def test_a_body_that_stops_coming_is_408_and_never_whole_at_the_backend(old: Predecessor) -> None:
    async with fronted(old.url, patience=Patience(0.05)) as url, connected(url) as (reader, writer):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        answer = await read_answer(reader)
    assert answer.status == 408
    await until(lambda: old.state.gone["/echo"] == 1)


async def test_a_caller_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "CALLER_SECONDS", 0.05)
    endless = Odd(200, b"x" * 65_536, how=How.ENDLESS)
    async with (
        odd_server(endless) as backend,
        fronted(backend.url) as url,
        connected(url) as (reader, writer),
    ):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: backend.ended == 1)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert not (await reader.read()).endswith(b"0\r\n\r\n")


async def test_a_backend_that_answers_before_the_end_of_a_body_is_heard(old: Predecessor) -> None:
    """Its answer is given, and the connection closed: the rest of the body is nobody's."""
    old.state.answers["/full"] = 413
    async with fronted(old.url) as url, connected(url) as (reader, writer):
        writer.write(b"POST /full HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        writer.write(b"x" * 3_000_000)
        head = await reader.readuntil(b"\r\n\r\n")
    assert b" 413 " in head.splitlines()[0]


async def test_100_mb_pass_through(old: Predecessor, client: httpx2.AsyncClient) -> None:
    old.state.faults["/large"] = Fault.LARGE
    came = 0
    async with client.stream("GET", "/large") as answer:
        assert answer.headers["content-length"] == str(faults.LARGE)
        async for piece in answer.aiter_raw():
            came += len(piece)
    assert came == faults.LARGE
