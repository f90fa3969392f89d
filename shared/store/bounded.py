"""HTTP answers of bounded size, for calls that hold each answer whole in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx2

from shared.sockets import KEEP_ALIVE

_IDLE_SECONDS = 30.0
"""An unused connection is given up before what lies between forgets it."""


class TooLargeError(Exception):
    """An answer is larger than any that is due."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Raises TooLargeError instead of more than so many bytes of an answer. Keeps at most `connections`."""

    def __init__(self, max_bytes: int, connections: int = 100) -> None:
        limits = httpx2.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_IDLE_SECONDS,
        )
        super().__init__(trust_env=False, limits=limits, socket_options=KEEP_ALIVE)
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See the base class."""
        request.headers["Accept-Encoding"] = "identity"  # what unfolds above is not counted here
        response = await super().handle_async_request(request)
        stream = cast(httpx2.AsyncByteStream, response.stream)
        if (
            response.headers.get("content-encoding", "identity") != "identity"
            or int(response.headers.get("content-length", 0)) > self._max_bytes
        ):
            await stream.aclose()
            raise TooLargeError
        response.stream = _AtMost(stream, self._max_bytes)
        return response


class _AtMost(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > self._max_bytes:
                raise TooLargeError
            yield piece

    async def aclose(self) -> None:
        """See the base class."""
        await self._stream.aclose()
