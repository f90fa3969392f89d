"""The commands of a page of docs, run as they stand there, in order.

blocks = blocks_of(PAGE)
async with shell(fork_server, environment) as run:
    await run(block.code)        # its exports hold for the next
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.forking import ForkServer

SECONDS = 120
_FENCE = re.compile(r"(?ms)^```(\w+)(?: (\w+))?\n(.+?)\n```$|^#+ (.+?)$")
_SHIM = """#!/bin/sh
exec {python} -S -E {caller} {socket} "$@"
"""
_CALLER = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    line.sendall(json.dumps([sys.argv[2:], dict(os.environ)]).encode())
    line.shutdown(socket.SHUT_WR)
    answer = json.load(line.makefile("rb"))
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of code."""

    language: str
    note: str
    """The word after the language."""
    under: str
    """The nearest heading above it."""
    code: str


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found, heading = [], ""
    for language, note, code, above in _FENCE.findall(page.read_text("utf-8")):
        heading = above or heading
        if code:
            found.append(Block(language, note, heading, code))
    return found


class Shell:
    """A person's shell: what one command exports, the next one has. Use `shell`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._kept = folder / "environment"

    async def __call__(self, code: str, *, ends: int = 0) -> str:
        """Run commands; what they print on standard output. They must end with this code."""
        script = f"set -euo pipefail\n{code}\nenv -0 > '{self._kept}'"
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
        assert process.returncode == ends, f"{code}\n{out.decode()}\n{err.decode()}"
        if not ends:
            entries = self._kept.read_text("utf-8").split("\0")
            self.environment = dict(each.split("=", 1) for each in entries if each)
        return out.decode()


@asynccontextmanager
async def shell(server: ForkServer, environment: Mapping[str, str]) -> AsyncIterator[Shell]:
    """A shell whose `soulprint` is ours, forked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arguments, given = json.loads(await reader.read(-1))
        process = await asyncio.to_thread(server.command, arguments, given)
        out, err = await asyncio.to_thread(process.communicate, SECONDS)
        writer.write(json.dumps({"out": out, "err": err, "code": process.code}).encode())
        await writer.drain()
        writer.close()

    with tempfile.TemporaryDirectory(prefix="soulprint-page-") as name:
        folder = Path(name)
        (folder / "caller.py").write_text(_CALLER)
        shim = folder / "soulprint"
        shim.write_text(
            _SHIM.format(python=sys.executable, caller=folder / "caller.py", socket=folder / "socket")
        )
        shim.chmod(0o755)
        path = {"PATH": f"{folder}:{os.environ['PATH']}"}
        async with await asyncio.start_unix_server(answer, folder / "socket"):
            yield Shell(folder, {**environment, **path})
