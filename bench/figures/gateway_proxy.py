"""What is passed on to the V1 backend: how much later its answer comes than asked directly, and how much
memory 100 MB take on their way. Gateway and backend are processes of their own, everything on loopback."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psutil

from bench.figure import Figure, at_most, exactly
from bench.process import TreeSampler
from bench.session import Session
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate
from tests.support.face import KEYED
from tests.support.predecessor.faults import LARGE, PIECE

MOST_MS = 3.0
MOST_MB = 20.0
CALLS = 1000
"""Of each kind, in turn."""
WARM = 100
BODY = {"user_id": "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42", "message": "What do I like?"}


def figures(session: Session) -> Iterator[Figure]:
    """Milliseconds at the median, megabytes each way, and how often the backend was asked."""
    return iter(asyncio.run(_measured()))


async def _measured() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="soulprint-bench-") as home:
        async with embedded_postgres(Path(home)) as dsn:
            await migrate(dsn)
            async with (
                _process("tests.support.predecessor", "0") as (_, backend),
                _process("bench.gateway_alone", dsn, backend) as (gateway, address),
                _client(backend) as direct,
                _client(address) as through,
            ):
                found = await _later(direct, through)
                found += [
                    await _memory("up", gateway.pid, _up(through)),
                    await _memory("down", gateway.pid, _down(through)),
                ]
                counts = (await direct.get("/counts")).json()
                asked = counts["POST /query"] / (2 * (CALLS + WARM))
                found.append(exactly("passed on: calls at the backend for each of ours", asked, 1.0))
                return found


async def _later(direct: httpx2.AsyncClient, through: httpx2.AsyncClient) -> list[Figure]:
    """By one caller that asks both in turn: what slows the machine slows both."""
    taken: dict[httpx2.AsyncClient, list[float]] = {direct: [], through: []}
    for number in range(CALLS + WARM):
        for client, seconds in taken.items():
            began = time.perf_counter()
            answer = await client.post("/query", json=BODY)
            if number >= WARM:
                seconds.append(1000 * (time.perf_counter() - began))
            answer.raise_for_status()
    without, beside = statistics.median(taken[direct]), statistics.median(taken[through])
    note = (
        f"p50 {without:.2f} ms asked directly, {beside:.2f} ms through the gateway ({beside / without:.1f}x)"
    )
    return [at_most("passed on: later at p50", beside - without, MOST_MS, "ms", note)]


async def _memory(way: str, pid: int, sending: Awaitable[None]) -> Figure:
    before = psutil.Process(pid).memory_info().rss
    sampler = TreeSampler(pid)
    sampler.start()
    began = time.perf_counter()
    await sending
    seconds = time.perf_counter() - began
    sampler.stop()
    more = (sampler.peak_rss_bytes - before) / 1e6
    return at_most(f"passed on: more memory, 100 MB {way}", more, MOST_MB, "MB", f"in {seconds:.1f} s")


async def _up(client: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGE // len(PIECE)):
            yield PIECE

    answer = await client.post("/echo", content=pieces())
    if answer.json()["length"] != LARGE:
        raise RuntimeError("the body did not come whole")


async def _down(client: httpx2.AsyncClient) -> None:
    came = 0
    async with client.stream("GET", "/large") as answer:
        async for piece in answer.aiter_raw():
            came += len(piece)
    if came != LARGE:
        raise RuntimeError("the answer did not come whole")


def _client(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=url, headers=KEYED, timeout=60, trust_env=False)


@asynccontextmanager
async def _process(*command: str) -> AsyncIterator[tuple[subprocess.Popen[str], str]]:
    """It, and the address that it prints."""
    process = subprocess.Popen(  # noqa: ASYNC220 - before anything is measured
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        lines = iter(process.stdout.readline, "")
        address = next(line.strip() for line in lines if line.startswith("http://"))
        yield process, address
    finally:
        process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
