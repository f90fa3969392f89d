"""The embedded Postgres: shared, reattached, restarted, stopped; clear errors where it cannot be."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest

from shared.domain.errors import StoreError
from shared.postgres.embedded import embedded_postgres
from shared.postgres.sockets import SOCKET

HOLDER = """
import asyncio, sys
from pathlib import Path
from shared.postgres.embedded import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as dsn:
        print(dsn, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with TemporaryDirectory(prefix="soulprint-home-") as folder:
        yield Path(folder) / 'it\'s a "home" $(touch x), `deep`' / "ü"


async def value_of(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def postmaster_of(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))


def lives(process: psutil.Process) -> bool:
    """False for a zombie too, which stays where nobody collects orphans."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def is_stopped(home: Path) -> bool:
    return not (home / "postgres" / "postmaster.pid").exists()


async def other_process(home: Path) -> asyncio.subprocess.Process:
    """Another process that uses the server, ready; it leaves when its input ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        HOLDER,
        str(home),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"postgresql://")
    return process


async def leave(process: asyncio.subprocess.Process) -> int:
    await process.communicate(b"")
    assert process.returncode is not None
    return process.returncode


@pytest.mark.slow
async def test_a_life_of_a_server(home: Path) -> None:
    """Made, used by two at once, kept by the last, reattached after kill -9, restarted, stopped."""
    first, second = await asyncio.gather(other_process(home), other_process(home))
    async with embedded_postgres(home) as dsn:
        assert await value_of(dsn, "SHOW listen_addresses") == ""
        assert await value_of(dsn, "SHOW data_checksums") == "on"
        assert await value_of(dsn, "SHOW fsync") == "on"
        await value_of(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        server = postmaster_of(home)
        assert await leave(first) == 0
        second.kill()
        await second.wait()
        assert await value_of(dsn, "SELECT n FROM kept") == 7
        last = await other_process(home)
    assert lives(server), "another process still uses it"
    last.kill()
    await last.wait()
    assert lives(server), "nobody was there to stop it"

    async with embedded_postgres(home) as dsn:
        assert postmaster_of(home) == server, "the running server is used again"
        await value_of(dsn, "INSERT INTO kept VALUES (8)")
        await value_of(dsn, "CHECKPOINT")
        server.kill()
        psutil.wait_procs([server], timeout=10)
        assert not is_stopped(home), "its pid file is left behind"
        async with embedded_postgres(home) as again:
            assert again == dsn
            assert await value_of(again, "SELECT sum(n) FROM kept") == 15
    assert is_stopped(home)
    assert not (home / "postgres.new").exists()

    # a pid file whose number now belongs to an innocent process
    (home / "postgres" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{home}\n1\n5432\n/nowhere\n\n 1 2\nready\n"
    )
    async with embedded_postgres(home) as dsn:
        assert await value_of(dsn, "SELECT sum(n) FROM kept") == 15

    # data of another version
    (home / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(StoreError, match="made by Postgres 12"):
        async with embedded_postgres(home):
            pytest.fail("started on data of another version")


@pytest.mark.slow
async def test_the_server_is_private_and_a_deep_home_works(home: Path) -> None:
    deep = home / ("d" * 100)
    async with embedded_postgres(deep) as dsn:
        link = Path(parse_qs(urlsplit(dsn).query)["host"][0])
        assert len(os.fsencode(link)) < 90
        folder = deep / "postgres" / "sockets"
        assert os.readlink(link) == str(folder)
        for path in (folder, folder / SOCKET, deep / "postgres", deep, deep.parent):
            assert path.stat().st_mode & 0o077 == 0, path
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await value_of(dsn, "SELEKT 'a secret of the person'")
    assert "secret" not in (deep / "postgres" / "log").read_text()
    assert link.name not in os.listdir(link.parent)
    os.symlink(home, link)  # to where somebody else's server could be
    try:
        with pytest.raises(StoreError, match="not a link of ours"):
            async with embedded_postgres(deep):
                pytest.fail("went where the link led")
    finally:
        os.unlink(link)
        async with embedded_postgres(deep):
            pass


@pytest.mark.slow
async def test_a_half_made_data_folder_is_made_again(home: Path) -> None:
    (home / "postgres.new").mkdir(parents=True)
    (home / "postgres.new" / "rubbish").write_text("x")
    async with embedded_postgres(home) as dsn:
        assert await value_of(dsn, "SELECT 1") == 1
    assert is_stopped(home)


async def test_cancelled_while_it_starts_it_stops_again(home: Path) -> None:
    async def use() -> None:
        async with embedded_postgres(home):
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_stopped(home)


async def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="set SOULPRINT_HOME"):
        async with embedded_postgres(tmp_path / "file" / "home"):
            pytest.fail("made a home below a file")


async def test_ctrl_c_at_the_terminal_does_not_reach_the_server(home: Path) -> None:
    holder = await other_process(home)
    server = postmaster_of(home)
    assert os.getsid(server.pid) != os.getsid(holder.pid)
    os.kill(holder.pid, signal.SIGINT)
    holder_input = holder.stdin
    assert holder_input is not None
    holder_input.close()
    await holder.wait()
    assert not lives(server), "the holder was the last and stopped it in order"
