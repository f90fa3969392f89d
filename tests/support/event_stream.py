"""A client of server-sent events, over a bare connection: it sees what a browser's would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from tests.support.face import KEY


@dataclass(frozen=True, slots=True)
class Told:
    """One event."""

    event: str
    id: str
    data: Any


class EventStream:
    """One stream. Use it in an `async with` statement."""

    def __init__(
        self, port: int, import_id: UUID, last: str | None = None, *, key: str = KEY, query: str = ""
    ) -> None:
        self._port = port
        headers = [f"GET /imports/{import_id}/events{query} HTTP/1.1", "Host: test"]
        headers += [f"Authorization: Bearer {key}"] if key else []
        headers += [f"Last-Event-ID: {last}"] if last is not None else []
        self._request = "\r\n".join([*headers, "", ""]).encode()
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.retry = ""
        self.comments = 0

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(self._request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    def cut(self) -> None:
        """Be gone, without a word."""
        self._writer.transport.abort()

    async def next(self) -> Told | None:
        """The event that comes next; None at the stream's end."""
        while (block := await self._block()) is not None:
            fields: dict[str, str] = {}
            for line in block.decode().splitlines():
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            if "data" in fields:
                return Told(fields["event"], fields["id"], json.loads(fields["data"]))
            self.retry = fields.get("retry", self.retry)
            self.comments += "" in fields
        return None

    async def rest(self) -> list[Told]:
        """All that comes, to the end."""
        found = []
        while (told := await self.next()) is not None:
            found.append(told)
        return found

    async def _block(self) -> bytes | None:
        """One write of the server: each is a block of its own."""
        size = int(await self._reader.readline(), 16)
        block = await self._reader.readexactly(size + 2)
        return block if size else None
