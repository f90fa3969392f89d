"""What becomes of a body that was answered before its end: the connection ends, and the answer comes through.

ASGI middleware, the outermost. Else what is left unread would be read for ever, whoever sends it, or be taken
for the next request.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from services.gateway.body_rules import App, Message, Receive, Scope, Send, has_body, header

LINGER_SECONDS: Final = 2.0


class Unread:
    """The middleware. `linger`: for so many seconds more is read, for a client that sends before it reads: a
    connection that is closed with bytes unread is reset, and the answer is lost with it."""

    def __init__(self, app: App, *, linger: float = LINGER_SECONDS) -> None:
        self._app, self._linger = app, linger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not has_body(scope):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._linger, awaited=header(scope, b"expect").lower())
        await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    def __init__(self, receive: Receive, send: Send, linger: float, awaited: bytes) -> None:
        self._receive, self._send, self._linger = receive, send, linger
        self._ended = False
        """Whether the body was read to its end, or nothing more will come."""
        self._unsent = awaited == b"100-continue"
        """Whether the client waits to be asked for the body."""

    async def receive(self) -> Message:
        self._unsent = False
        message = await self._receive()
        self._ended = self._ended or message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        if self._ended:
            await self._send(message)
        elif message["type"] == "http.response.start":
            headers = [*message.get("headers", []), (b"connection", b"close")]
            await self._send({**message, "headers": headers})
        elif message["type"] != "http.response.body" or message.get("more_body"):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(self._linger):
                    while not (self._ended or self._unsent):
                        await self.receive()
            await self._send({"type": "http.response.body", "body": b""})
