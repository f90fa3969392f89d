"""One gateway process: reads beside new imports, against a bare route; and a thousand streams."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from bench.figure import Figure, at_most
from bench.http_load import Latencies, get, loading, post
from bench.product import RunFailedError
from bench.session import Session
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate
from tests.support.event_stream import EventStream
from tests.support.face import DIGEST, KEY
from tests.support.ports import free_port

IMPORTS = 1_000
READS = 500.0
TAKEN = 20.0
SECONDS = 10.0
STREAMS = 1_000
WATCHED = 5.0
"""Seconds for which the streams are open."""
P99_MS = 50.0
START_SECONDS = 60.0
_RUNS = """
INSERT INTO imports (import_id, run, user_id, pipeline, source, state, stage, chunks_total, chunks_ok, on_log)
SELECT md5('import ' || n)::uuid, 1, md5('user ' || n)::uuid, 'v2', 'imports/a/export.zip', 'extracting',
       'extracting', 200, n % 200, true FROM generate_series(1, $1) n RETURNING import_id
"""


def figures(session: Session) -> Iterator[Figure]:
    """How long reads take at 500 a second, alone and beside 20 new imports a second; what a bare route takes
    of that; what a thousand streams ask of the database, and how late they hear of the end."""
    yield from asyncio.run(_measured())


async def _measured() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="soulprint-bench-") as folder:
        async with embedded_postgres(Path(folder) / "home") as dsn:
            await migrate(dsn)
            sql = await asyncpg.connect(dsn)
            await sql.execute("ALTER SYSTEM SET track_functions = 'all'")
            await sql.execute("SELECT pg_reload_conf()")
            imports = [UUID(str(row[0])) for row in await sql.fetch(_RUNS, IMPORTS)]
            await sql.execute("ANALYZE")
            try:
                async with _gateway(dsn, Path(folder)) as port:
                    size = await _size(port, imports[0])
                    return [
                        *await _reads(port, imports, size, Path(folder)),
                        *await _streams(port, imports, sql),
                    ]
            finally:
                await sql.close()


async def _reads(port: int, imports: list[UUID], size: int, folder: Path) -> list[Figure]:
    def read(number: int) -> bytes:
        return get(f"/imports/{imports[number % len(imports)]}", KEY)

    def take(_: int) -> bytes:
        user = str(uuid4())
        body = {"user_id": user, "source": f"imports/{user}/1732600000000-export.zip"}
        return post("/imports", json.dumps(body).encode(), KEY)

    async with _bare(size, folder) as bare_port, loading(bare_port) as bare:
        await bare.steady(read, READS, 1.0)
        alone_bare = await bare.steady(read, READS, SECONDS)
    async with loading(port) as load:
        await load.steady(read, READS, 1.0)  # what happens only once is behind them
        alone = await load.steady(read, READS, SECONDS)
        beside, taken = await asyncio.gather(
            load.steady(read, READS, SECONDS), load.steady(take, TAKEN, SECONDS, status=b"202")
        )
    note = f"bare {_told(alone_bare)}; alone {_told(alone)}; beside {_told(beside)}"
    return [
        at_most("gateway: 99 % of reads, 500 a second alone", alone.at(0.99), P99_MS, "ms"),
        at_most("gateway: the same beside 20 new imports a second", beside.at(0.99), P99_MS, "ms", note),
        Figure("gateway: 99 % of those new imports", taken.at(0.99), "ms", note=_told(taken)),
        Figure("gateway: times as long as a bare route, median", alone.at(0.5) / alone_bare.at(0.5), ""),
        Figure("gateway: the same, 99 %", alone.at(0.99) / alone_bare.at(0.99), ""),
    ]


async def _streams(port: int, imports: list[UUID], sql: asyncpg.Connection) -> list[Figure]:
    before, begun = await _looks(sql), time.monotonic()
    streams = [EventStream(port, imports[n % len(imports)]) for n in range(STREAMS)]
    try:
        await asyncio.gather(*(stream.__aenter__() for stream in streams))
        if not all([await stream.next() for stream in streams]):
            raise RunFailedError("a stream ended before its import")
        opened = time.monotonic()
        await asyncio.sleep(WATCHED)
        await sql.execute("UPDATE imports SET state = 'failed', updated_at = now() WHERE run = 1")
        ended = time.monotonic()
        await asyncio.gather(*(stream.rest() for stream in streams))
        late = time.monotonic() - ended
        asked = await _looks(sql) - before
        rate = asked / (time.monotonic() - begun)
        note = f"{STREAMS:,} opened in {opened - begun:.1f} s"
        return [
            at_most("gateway: queries of 1,000 streams", rate, 2.0, "1/s", note),
            at_most("gateway: the last of 1,000 streams hears of the end after", late, 2.0, "s"),
        ]
    finally:
        for stream in streams:
            stream.cut()


async def _looks(sql: asyncpg.Connection) -> int:
    await asyncio.sleep(1.1)  # a session tells what it called a second later
    found = await sql.fetchval("SELECT calls FROM pg_stat_user_functions WHERE funcname = 'watch_runs'")
    return int(found or 0)


async def _size(port: int, import_id: UUID) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get(f"/imports/{import_id}", KEY))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    writer.close()
    return int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])


@asynccontextmanager
async def _gateway(dsn: str, folder: Path) -> AsyncIterator[int]:
    """A gateway as `soulprint serve` runs it; Kafka is away, which nobody who calls it notices."""
    port = free_port()
    settings = {
        "DATABASE_URL": dsn,
        "GATEWAY_PORT": str(port),
        "METRICS_PORT": "0",
        "SERVICE_KEYS": DIGEST,
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
    }
    environment = {f"SOULPRINT_{name}": value for name, value in settings.items()}
    async with _process(["-m", "soulprint", "serve", "gateway"], environment, port, folder / "gateway.log"):
        yield port


@asynccontextmanager
async def _bare(size: int, folder: Path) -> AsyncIterator[int]:
    port = free_port()
    async with _process(["-m", "bench.bare_route", str(port), str(size)], {}, port, folder / "bare.log"):
        yield port


@asynccontextmanager
async def _process(
    arguments: list[str], environment: dict[str, str], port: int, told: Path
) -> AsyncIterator[None]:
    process = _started(arguments, environment, told)
    try:
        await _answering(process, port, told)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _started(arguments: list[str], environment: dict[str, str], told: Path) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOULPRINT_")}
    with told.open("wb") as out:
        return subprocess.Popen([sys.executable, *arguments], env=kept | environment, stdout=out, stderr=out)


async def _answering(process: subprocess.Popen[bytes], port: int, told: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.write(get(f"/imports/{uuid4()}", KEY))
        status = (await reader.readline())[9:12]
        writer.close()
        if status in (b"200", b"404"):
            return
        await asyncio.sleep(0.1)
    raise RunFailedError(f"a server did not start: see {told.name}")


def _told(found: Latencies) -> str:
    return f"p50 {found.at(0.5):.1f}, p99 {found.at(0.99):.1f}, most {found.at(1):.1f} ms"
