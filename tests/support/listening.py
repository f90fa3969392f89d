"""A server of its own process, from when it listens until the block ends."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.guard import Guard
from tests.support.waiting import until


@asynccontextmanager
async def listening(command: Sequence[str], port: int, **as_user: Any) -> AsyncIterator[None]:
    """The server that `command` starts and that listens on `port`; fails the test where it does not."""
    process = await asyncio.to_thread(
        partial(subprocess.Popen, command, stderr=subprocess.PIPE, text=True, **as_user)
    )
    assert process.stderr is not None
    guard = Guard.of(process)
    try:
        await until(lambda: process.poll() is not None or _listens(port))
        if process.poll() is not None:
            pytest.fail(f"{Path(command[0]).name} did not start: {process.stderr.read()[-800:]}")
        yield
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)
        guard.release()
        process.stderr.close()


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
