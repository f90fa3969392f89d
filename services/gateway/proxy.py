"""What is not ours is passed on to the V1 backend: any method and path, bodies as they come, both ways.

A request is passed on once, whatever it is: a GET of the predecessor's may write. Nothing is tried again,
fetched ahead, kept, followed or unpacked.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, cast
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import structlog
from fastapi import FastAPI, Response

from services.gateway.access.access import CALLER
from services.gateway.passing import has_hop, target, to_backend, to_caller
from shared.sockets import KEEP_ALIVE

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 300.0
"""For each piece of an answer, its head too; and for the backend to take a piece of a body."""
CALLER_SECONDS: Final = 60.0
"""For a caller to take a piece of an answer. How a body comes is bounded before (`bodies.py`)."""
AT_ONCE: Final = 64
AT_ONCE_OF_ONE: Final = 8
"""Of one person, whose own routes run for minutes: nobody holds all of them."""
MOST_HEADER_BYTES: Final = 64 * 1024
"""Of an answer, names and values together."""
IN_A_CIRCLE: Final = "the V1 backend is this gateway: set V1_BACKEND_URL to the predecessor"
KEPT_SECONDS: Final = 2.0
"""Connections are used again for so long: less than the 5 s after which uvicorn closes them, since a request
on one that is being closed is lost, and is not sent again."""
_TIMEOUT: Final = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": 5.0}
_HIGHEST_STATUS: Final = 599
_NO_CONTENT: Final = 204

PASSED_ON: Final = "soulprint.passed_on"
"""Where it stands in a request's scope that no route of ours answers it."""

log = structlog.get_logger(__name__)


class _GoneError(Exception):
    """The caller went away before the end of the body."""


class Proxy:
    """The V1 backend, as an ASGI application. `opened_proxy` makes it."""

    def __init__(self, base: str | None, *, at_once: int = AT_ONCE) -> None:
        self.base = base
        """The backend's address; None: there is none, and nothing else is there."""
        self.under_way = 0
        """Requests that are passed on now."""
        self._at_once = at_once
        self._of_person: Counter[UUID] = Counter()
        self._netloc = urlsplit(base).netloc.encode() if base else b""
        self._transport = httpx2.AsyncHTTPTransport(
            trust_env=False,
            retries=0,
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=at_once, keepalive_expiry=KEPT_SECONDS
            ),
            socket_options=KEEP_ALIVE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send, body: bytes | None = None) -> None:
        """Pass a request on; with this body, if it was read already."""
        asked = target(self.base or "", scope["raw_path"], scope["query_string"])
        person: UUID | None = getattr(scope.get(CALLER), "user_id", None)
        if self.base is None:
            await say(send, 404, "Not Found")
        elif has_hop(scope["headers"]):
            await say(send, 508, IN_A_CIRCLE)
        elif asked is None:
            await say(send, 400, "the request must name a path")
        elif self.under_way >= self._at_once:
            await say(send, 503, "too many requests at a time; try again", (b"retry-after", b"5"))
        elif person is not None and self._of_person[person] >= AT_ONCE_OF_ONE:
            told = "too many requests of this person at a time; try again"
            await say(send, 429, told, (b"retry-after", b"5"))
        else:
            self.under_way += 1
            self._of_person.update([person] if person else ())
            try:
                await self._pass(scope, asked, _Body(receive, body), send)
            finally:
                self.under_way -= 1
                self._of_person -= Counter([person] if person else ())  # forgets those who have none

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        await self._transport.aclose()

    async def _pass(self, scope: Scope, asked: bytes, body: _Body, send: Send) -> None:
        """Until the answer is given, or the caller goes away: then the backend's request ends, too."""
        answering = asyncio.create_task(self._answer(scope, asked, body, send))
        leaving = asyncio.create_task(body.caller_left())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.wait({answering, leaving})
        if not leaving.cancelled():
            leaving.exception()
        if not answering.cancelled():
            with suppress(TimeoutError):  # the caller takes nothing
                answering.result()

    async def _answer(self, scope: Scope, asked: bytes, body: _Body, send: Send) -> None:
        request = httpx2.Request(
            "GET",
            self.base or "",
            headers=to_backend(scope["headers"], self._netloc),
            stream=body,
            extensions={"target": asked, "timeout": _TIMEOUT},
        )
        request.method = scope["method"]  # as it is written
        try:
            response = await self._transport.handle_async_request(request)
        except _GoneError:
            return
        except httpx2.LocalProtocolError:
            await say(send, 400, "the request is not HTTP")
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            log.warning("the V1 backend cannot be reached: is V1_BACKEND_URL right, and the service up?")
            await say(send, 502, "the V1 backend cannot be reached")
        except httpx2.TimeoutException:
            await say(send, 504, f"the V1 backend did not answer within {READ_SECONDS:g} s")
        except httpx2.HTTPError as error:
            log.warning("the V1 backend broke off before it answered", kind=type(error).__name__)
            await say(send, 502, "the V1 backend broke off before it answered")
        else:
            await self._give(response, body, send)

    async def _give(self, response: httpx2.Response, body: _Body, send: Send) -> None:
        """An answer as it comes. One that breaks off is left without an end: the server then closes the
        connection, and the caller sees that it is not whole."""
        headers = to_caller(response.headers.raw, self.base or "")
        body.over()
        stream = cast(httpx2.AsyncByteStream, response.stream)
        status = response.status_code
        try:
            if status > _HIGHEST_STATUS or _size(headers) > MOST_HEADER_BYTES:
                await say(send, 502, "the V1 backend's answer is not one that can be passed on")
                return
            if status == _NO_CONTENT:  # where one says how long it is, it is not what it says
                headers = [each for each in headers if each[0] != b"content-length"]
            await _sent(send, {"type": "http.response.start", "status": status, "headers": headers})
            async for piece in stream:
                await _sent(send, {"type": "http.response.body", "body": piece, "more_body": True})
            body.answered = True
            await _sent(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("an answer of the V1 backend was not given whole", kind=type(error).__name__)
        finally:
            await stream.aclose()


class _Body(httpx2.AsyncByteStream):
    """A request's body as it comes from the caller. Read once: it cannot be sent again."""

    def __init__(self, receive: Receive, read: bytes | None) -> None:
        self._receive = receive
        self._read = read
        self._over = asyncio.Event()
        self.answered = False
        """Whether the answer is given: the server then says of itself that the caller has gone."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._read is not None:
            yield self._read
        more = self._read is None
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            piece = message.get("body", b"")
            more = message.get("more_body", False)
            if piece:
                yield piece
        self.over()

    def over(self) -> None:
        """Nothing more is read for the backend."""
        self._over.set()

    async def caller_left(self) -> None:
        """Return once the caller has gone without the answer, after the body is over."""
        await self._over.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self.answered:
            await asyncio.Event().wait()


async def say(send: Send, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
    """Answer in the predecessor's form."""
    body = json.dumps({"detail": detail}).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await _sent(send, {"type": "http.response.start", "status": status, "headers": head})
    await _sent(send, {"type": "http.response.body", "body": body, "more_body": False})


async def _sent(send: Send, message: Message) -> None:
    """Raises TimeoutError if the caller takes nothing."""
    async with asyncio.timeout(CALLER_SECONDS):
        await send(message)


def _size(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


@asynccontextmanager
async def opened_proxy(base: str | None, *, at_once: int = AT_ONCE) -> AsyncIterator[Proxy]:
    """The way to the V1 backend at this address, for the block."""
    proxy = Proxy(base, at_once=at_once)
    try:
        yield proxy
    finally:
        await proxy.close()


class PassedOn(Response):
    """The backend's answer in place of one of ours. `read`: the body, if a route has read it."""

    def __init__(self, proxy: Proxy, read: bytes | None = None) -> None:
        super().__init__()
        self._proxy = proxy
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        await self._proxy(scope, receive, send, self._read)


def pass_on_the_rest(app: FastAPI, proxy: Proxy, require: Callable[[Scope], Awaitable[None]]) -> None:
    """Have all that `app` has no route for asked of the backend; `require` raises Problem for who may not."""
    otherwise = app.router.default

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await otherwise(scope, receive, send)
            return
        await require(scope)
        scope[PASSED_ON] = True
        await proxy(scope, receive, send)

    app.router.default = rest
