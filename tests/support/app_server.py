"""A stand-in of the app on loopback: its callback with the guard before it, the e-mails that it sends, and
what it or a proxy before it may do instead of answering.

    async with app_server() as app:
        ...                          # APP_URL is app.url
        assert app.emails == [user_id]
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PATH = "/api/import/complete"


@dataclass(slots=True)
class App:
    """Each call that passes the guard and names a user it knows is an e-mail, whatever becomes of its answer.
    `answers` are given first, one a call; then the app does its work."""

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of all calls, in order."""
    emails: list[str] = field(default_factory=list)
    """Who was sent one."""
    answers: list[bytes] = field(default_factory=list)
    """Whole answers, in place of the app's own; b"" closes the connection. No e-mail is sent."""
    strangers: set[str] = field(default_factory=set)
    """Users that it does not know."""
    breaks_off: bool = False
    """Send the e-mail, then close without an answer."""
    held: asyncio.Event | None = None
    """While it is there and not set, the answer waits, after the e-mail was sent."""
    trickles: bool = False
    """Send the answer a byte at a time without end."""
    serving: set[asyncio.Task[None]] = field(default_factory=set)
    """Connections that are open."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
            body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or "{}")
            if body:
                self.calls.append(body)
            if self.answers:
                writer.write(self.answers.pop(0))
            elif head[0] == f"GET {PATH} HTTP/1.1":
                writer.write(answer(405))
            else:
                await self._work(head[0], headers, body, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller has had enough
        finally:
            writer.close()

    async def _work(
        self, line: str, headers: dict[str, str], body: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        user = body.get("user_id")
        if line != f"POST {PATH} HTTP/1.1":
            writer.write(answer(404, {"error": "no such page"}))
        elif headers.get("x-internal-user-id") != user:
            writer.write(answer(403, {"error": "forged"}))
        elif not isinstance(user, str) or headers["content-type"] != "application/json":
            writer.write(answer(400, {"error": "user_id is missing"}))
        elif user in self.strangers:
            writer.write(answer(404, {"error": "no such user"}))
        else:
            self.emails.append(user)
            if self.held is not None:
                await self.held.wait()
            if self.trickles:
                await _trickle(writer)
            if not self.breaks_off:
                writer.write(answer(200, {"success": True, "email_sent": True, "push_sent": False}))


async def _trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 Answer\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


def answer(status: int, body: object = None, **headers: str) -> bytes:
    """An answer of JSON, or of text as it is; `headers` with _ for -."""
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = "text/html" if isinstance(body, str) else "application/json"
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Type: {kind}", f"Content-Length: {len(text)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + text


@asynccontextmanager
async def app_server() -> AsyncIterator[App]:
    """A running app that nobody has called yet."""
    app = App()
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    app.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield app
    finally:
        if app.held is not None:
            app.held.set()
        server.close()
        if app.serving:
            await asyncio.wait(app.serving)
