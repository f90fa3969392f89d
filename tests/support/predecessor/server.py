"""Serves a predecessor: counts what comes, does what it is to do wrong, else asks its routes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_server import served
from tests.support.predecessor.faults import Receive, Send, answer
from tests.support.predecessor.routes import Form, make_app
from tests.support.predecessor.state import Call, State

COUNTS = "/counts"
"""Answers how often each route was asked."""
ECHO = "/echo"
"""Below it any method is answered with what came: target, headers, and length and hash of the body."""


@dataclass
class Predecessor:
    """One that serves."""

    form: Form = "union"
    state: State = field(default_factory=State)
    url: str = ""

    async def serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        call = _call_of(scope)
        path = call.target.partition("?")[0]
        self.state.calls.append(call)
        self.state.counts[f"{call.method} {path}"] += 1
        self.state.under_way += 1
        try:
            if path in self.state.faults:
                if await answer(self.state.faults[path], scope, receive, send):
                    self.state.gone[path] += 1
            elif path in self.state.answers:
                await _said(send, {"detail": "as told"}, status=self.state.answers[path])
            elif path == COUNTS:
                await _said(send, dict(self.state.counts))
            elif path.startswith(ECHO):
                await self._echo(call, path, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            self.state.under_way -= 1

    def __post_init__(self) -> None:
        """Make its routes."""
        self._app = make_app(self.state, self.form)

    async def _echo(self, call: Call, path: str, receive: Receive, send: Send) -> None:
        length, digest, pieces = 0, hashlib.sha256(), 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.state.gone[path] += 1
                return
            length += len(message["body"])
            pieces += 1
            digest.update(message["body"])
            if not message["more_body"]:
                break
        said = {
            "method": call.method,
            "target": call.target,
            "headers": call.headers,
            "length": length,
            "sha256": digest.hexdigest(),
        }
        await _said(send, said)


def _call_of(scope: dict[str, Any]) -> Call:
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return Call(
        scope["method"],
        (scope["raw_path"] + query).decode("latin-1"),
        {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
    )


async def _said(send: Send, what: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(what).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def predecessor(
    form: Form = "union", *, port: int = 0, state: State | None = None
) -> AsyncIterator[Predecessor]:
    """One that serves on loopback, in this loop, until the block is left: then all connections are closed."""
    old = Predecessor(form, state or State())
    async with served(old.serve, port, interface="asgi3", proxy_headers=False) as found:
        old.url = f"http://127.0.0.1:{found}"
        yield old
