"""A real PgBouncer before a test's database, from Debian's package `pgbouncer`. Where there is none its tests
are skipped loudly, and with REQUIRE_PGBOUNCER=1 they fail."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.listening import listening
from tests.support.ports import free_port


def _binary() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        message = "NO PGBOUNCER, so no transaction pooler is tested: apt-get install pgbouncer"
        if os.environ.get("REQUIRE_PGBOUNCER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


@asynccontextmanager
async def pgbouncer(
    dsn: str, *, servers: int = 4, mode: str = "transaction", login: str = "postgres"
) -> AsyncIterator[str]:
    """The DSN of the database of `dsn` through a pooler of so many connections to the server, as `login`."""
    binary, port = _binary(), free_port()
    parts = urlsplit(dsn)
    database, server = parts.path.lstrip("/"), parse_qs(parts.query)["host"][0]
    # As root the server is another account's, which may not go through its home: the pooler stands there.
    host = "/proc/self/cwd" if os.geteuid() == 0 else server
    with tempfile.TemporaryDirectory(prefix="soulprint-pgbouncer-") as folder:
        ini = Path(folder) / "pgbouncer.ini"
        ini.write_text(
            f"[databases]\n{database} = host={host} dbname={database} user={login}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\n"
            f"pool_mode = {mode}\ndefault_pool_size = {servers}\nmin_pool_size = {servers}\n"
        )
        command = [binary, "--quiet", str(ini)]
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to be root; whoever owns the socket may open it
            owner = os.stat(server)
            as_user = {"user": owner.st_uid, "group": owner.st_gid, "cwd": server}
            os.chown(folder, owner.st_uid, owner.st_gid)
        async with listening(command, port, **as_user):
            yield f"postgresql://postgres@127.0.0.1:{port}/{database}"
