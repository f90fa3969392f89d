"""What a backend does instead of answering. Each is an ASGI answer to one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
PIECE = b"x" * 65_536
LARGE = 100 * 1024**2
DRIP_SECONDS = 0.02


class Fault(StrEnum):
    """What is wrong with an answer."""

    HANG = "hang"
    """None comes, until the caller goes away."""
    DIE = "die"
    """Half of a body of known length, and the connection is closed."""
    DIE_CHUNKED = "die_chunked"
    """The same of a body in chunks, whose last one never comes."""
    REDIRECT = "redirect"
    """307 to the same address."""
    LARGE = "large"
    """100 MB."""
    DRIP = "drip"
    """A byte now and then, without end, until the caller goes away."""
    HEADERS = "headers"
    """A header of 128 KB."""


async def answer(fault: Fault, scope: dict[str, Any], receive: Receive, send: Send) -> bool:
    """Answer a request in this way. True if the caller went away meanwhile; a broken answer just returns,
    which has the server close the connection."""
    match fault:
        case Fault.HANG:
            return await _gone(receive)
        case Fault.REDIRECT:
            host = dict(scope["headers"]).get(b"host", b"")
            target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
            await _start(send, 307, (b"location", b"http://" + host + target), (b"content-length", b"0"))
            await _end(send)
        case Fault.LARGE:
            await _start(send, 200, (b"content-length", b"%d" % LARGE))
            for _ in range(LARGE // len(PIECE)):
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            await _end(send)
        case Fault.DIE:
            await _start(send, 200, (b"content-length", b"1000"))
            await send({"type": "http.response.body", "body": b"x" * 500, "more_body": True})
        case Fault.DIE_CHUNKED:
            await _start(send, 200, (b"content-type", b"application/json"))
            await send({"type": "http.response.body", "body": b'{"half": ', "more_body": True})
        case Fault.DRIP:
            await _start(send, 200)
            gone = asyncio.ensure_future(_gone(receive))
            while not gone.done():
                await send({"type": "http.response.body", "body": b".", "more_body": True})
                await asyncio.wait({gone}, timeout=DRIP_SECONDS)
            return True
        case Fault.HEADERS:
            await _start(send, 200, (b"x-large", b"x" * 131_072))
            await _end(send)
    return False


async def _gone(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True


async def _start(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})
