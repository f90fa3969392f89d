"""A large upload through the gateway: its memory stays, and the machine's disk where there is storage.

A short form runs in `make test`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.ids import import_id
from tests.chaos.fire import say
from tests.support.http_server import Answer, head, wire
from tests.support.storage_server import storage_server
from tests.support.upload_server import KEY

LONG = bool(os.environ.get("CHAOS"))
MIB = 1024**2
SIZE = (1024 if LONG else 64) * MIB
MOST_GROWTH = 30 * MIB
ANA = UUID(int=0xA)
BLOCK = b"PK\x03\x04" + os.urandom(256 * 1024 - 4)


@dataclass
class Server:
    """The process, and its port."""

    pid: int
    port: int

    def memory(self, what: str) -> int:
        """Bytes that are resident (VmRSS), or were at most (VmHWM)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(what)

    def forget_most(self) -> None:
        """What was resident at most is what is now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    async def upload(self, size: int, *, form: bool) -> Answer:
        """Send so many bytes."""
        before, after, kind = b"", b"", "application/zip"
        if form:
            kind = "multipart/form-data; boundary=X"
            before = b'--X\r\nContent-Disposition: form-data; name="f"; filename="a.zip"\r\n\r\n'
            after = b"\r\n--X--\r\n"
        async with wire(self.port) as line:
            total = size + len(before) + len(after)
            told = head("POST", f"/imports?user_id={ANA}", content_type=kind, content_length=total)
            await line.send(told, before)
            for _ in range(size // len(BLOCK)):
                await line.send(BLOCK)
            await line.send(after)
            return await line.answer()


@asynccontextmanager
async def uploading(where: str) -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.upload_server", where,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Server(process.pid, int(await process.stdout.readline()))
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("kind", ["storage", "folder"] if LONG else ["storage"])
async def test_a_large_upload_takes_no_memory(kind: str, tmp_path: Path) -> None:
    whole = sha256()
    for _ in range(SIZE // len(BLOCK)):
        whole.update(BLOCK)
    async with storage_server(KEY) as storage:
        storage.make_bucket("imports")
        storage.forgets = True
        async with uploading(storage.url if kind == "storage" else str(tmp_path)) as server:
            for form in (False, True) if LONG else (True,):
                assert (await server.upload(4 * MIB, form=form)).status == 202  # what is loaded once
                server.forget_most()
                before = server.memory("VmRSS")
                answer = await server.upload(SIZE, form=form)
                growth = server.memory("VmHWM") - before
                assert answer.status == 202, answer
                assert answer.json["import_id"] == str(import_id(ANA, f"content\0{whole.hexdigest()}"))
                assert kind == "folder" or storage.taken == SIZE
                say(f"upload of {SIZE // MIB} MiB to {kind}, form {form}: {growth / MIB:.1f} MiB more")
                assert growth < MOST_GROWTH, growth
    assert sorted(sizes_below(tmp_path)) == ([4 * MIB, 4 * MIB, SIZE, SIZE] if kind == "folder" else [])


def sizes_below(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
