"""How large, how slow and of what form a request's body may be: before any route sees it.

ASGI middleware. A body is counted and timed as it is read, and gathered only where it is JSON of ours, which
is small. What is refused is answered here, whatever the route does with the error.
"""

from __future__ import annotations

import asyncio
import json
from codecs import BOM_UTF8
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn

from fastapi import HTTPException

from services.gateway.body_rules import (
    HEAD_BYTES,
    LARGE,
    OURS,
    App,
    Message,
    Receive,
    Rule,
    Scope,
    Send,
    has_body,
    has_large_head,
    header,
    rule_of,
)
from services.gateway.json_bodies import why_not_taken

_STEP_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a body is waited for. Only waiting counts, never what a route does with it."""

    silent: float = 60.0
    """Seconds for the next 256 KiB, or for the body's end: what trickles is taken for silent. The slowest
    line that counts has 4 KB a second."""


class BodyRefusedError(HTTPException):
    """Raised into a route that reads a body which is refused. The answer is made here, not there."""


class CutOffError(BodyRefusedError):
    """The client went away before its body's end. Nobody reads an answer."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, "the body was cut off")


class Bodies:
    """The middleware. `upload_bytes`: the most of an upload."""

    def __init__(self, app: App, *, upload_bytes: int, patience: Patience = Patience()) -> None:
        self._app, self._upload_bytes, self._patience = app, upload_bytes, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not (has_body(scope) or has_large_head(scope)):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, rule_of(scope, self._upload_bytes), self._patience)
        try:
            exchange.require_taken()
            if exchange.rule.is_json:
                await exchange.read_json()
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            if exchange.refused is None:
                raise
        await exchange.finish()


class _Exchange:
    """One request with a body, and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, rule: Rule, patience: Patience) -> None:
        self.rule = rule
        self._scope, self._receive, self._send, self._patience = scope, receive, send, patience
        self._ahead: list[Message] = []
        """What was read, and not by the route."""
        self._size = self._step = 0
        self._waited = 0.0
        """Since `_step` bytes were there."""
        self._ended = False
        """Whether the body was read to its end, or nothing more will come."""
        self.refused: BodyRefusedError | None = None
        """Why the body is not taken."""
        self._answering = False
        if not has_body(scope):
            self._ended = True

    def require_taken(self) -> None:
        """Raises BodyRefusedError for a body that is refused by what its headers say of it."""
        if has_large_head(self._scope):
            told = f"the request's head is larger than {HEAD_BYTES:,} bytes"
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, told)
        if header(self._scope, b"transfer-encoding") and header(self._scope, b"content-length"):
            # RFC 9112, 6.3: whoever stands before us may have gone by the other, and taken what follows for
            # a request of somebody else's. With this answer the connection ends.
            told = "a request has a Content-Length or a Transfer-Encoding, not both"
            self._refuse(HTTPStatus.BAD_REQUEST, told)
        encoding = header(self._scope, b"content-encoding").strip().lower()
        if encoding not in (b"", b"identity") and not self.rule.encoded:
            self._refuse(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "a body with a Content-Encoding is not taken; send a compressed export as application/gzip",
                {"Accept-Encoding": "identity"},
            )
        length = header(self._scope, b"content-length")
        if length.isdigit() and int(length[:20]) > self._most:
            self._refuse_size()

    async def read_json(self) -> None:
        """Read the body whole and look at it. Raises BodyRefusedError."""
        pieces: list[bytes] = []
        while not self._ended:
            message = await self.receive()
            pieces.append(message["body"])
            if self._size > self.rule.most:  # only where the rule passes it on
                self._scope[LARGE] = True
                self._ahead = [
                    {"type": "http.request", "body": b"".join(pieces), "more_body": not self._ended}
                ]
                return
        body = b"".join(pieces)
        if why := why_not_taken(body, once=not self.rule.bare):
            told = "There was an error parsing the body" if self.rule.bare else why
            self._refuse(HTTPStatus.BAD_REQUEST, told)
        body = body.removeprefix(BOM_UTF8)  # not every reader takes it
        self._ahead = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive(self) -> Message:
        """What the route reads. Raises BodyRefusedError where the body ends to be taken."""
        if self._ahead:
            return self._ahead.pop()
        if self.refused is None and self._ended:
            return await self._receive()  # it waits for the client to go
        try:
            if self.refused is not None:
                raise self.refused
            return await self._next()
        except BodyRefusedError:
            if not self._answering:
                raise
            return {"type": "http.disconnect"}  # too late to be told

    async def send(self, message: Message) -> None:
        """What the route answers; nothing of it where the body was refused."""
        if self.refused is not None and not self._answering:
            return
        if message["type"] == "http.response.start":
            self._answering = True
        await self._send(message)

    async def finish(self) -> None:
        """Answer for the route, if the body was refused before it began to."""
        if self.refused is None or self._answering or isinstance(self.refused, CutOffError):
            return
        refused, status = self.refused, HTTPStatus(self.refused.status_code)
        told: dict[str, object] = {"detail": refused.detail}
        kind = b"application/json"
        if not self.rule.bare:
            told = {"type": "about:blank", "title": status.phrase, "status": status.value, **told}
            kind = b"application/problem+json"
        body = json.dumps(told).encode()
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        headers += [
            (name.lower().encode(), value.encode()) for name, value in (refused.headers or {}).items()
        ]
        self.refused = None
        await self.send({"type": "http.response.start", "status": status.value, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    @property
    def _most(self) -> int:
        return max(self.rule.most, self.rule.passes_larger)

    async def _next(self) -> Message:
        """What comes next. Raises BodyRefusedError if it does not, in time."""
        now = asyncio.get_running_loop().time
        if self._size - self._step >= _STEP_BYTES:
            self._step, self._waited = self._size, 0.0
        begun = now()
        try:
            async with asyncio.timeout(self._patience.silent - self._waited):
                message = await self._receive()
        except TimeoutError:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly, or stopped")
        finally:
            self._waited += now() - begun
        if message["type"] == "http.disconnect":
            self._ended, self.refused = True, CutOffError()
            raise self.refused
        self._size += len(message["body"])
        self._ended = not message.get("more_body", False)
        if self._size > self._most:
            self._refuse_size()
        return message

    def _refuse_size(self) -> NoReturn:
        told = f"the body is larger than {self._most:,} bytes"
        if self.rule is OURS and self._scope["path"] == "/imports":
            told += "; an export in JSON is taken with ?name=, or with a Content-Disposition"
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)

    def _refuse(self, status: int, told: str, headers: dict[str, str] | None = None) -> NoReturn:
        self.refused = BodyRefusedError(status, told, headers)
        raise self.refused
