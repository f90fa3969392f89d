"""HTTP servers of a process: its health and metrics, and its public face if it has one."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from shared.domain.errors import UsageError, system_reason
from shared.host.connections import Bounds
from shared.host.service import Asgi
from shared.sockets import ACCEPTING

FACE: Final = Bounds(connections=4_096)
"""Of a public face: twice the streams that a gateway has, and room for who asks beside them."""
LINGER_SECONDS = 5.0
"""A stop waits so long for answers under way; streams are told to end before."""
BACKLOG = 2048
"""Most that wait for the server to take them, in the system's own list."""
AT_ONCE = 16
"""Most that it takes before it looks at the bounds again. Of 2,700 half requests at once 2,600 were open for
a moment where it took all that came, and so 110."""
WAIT_SECONDS = 5
"""When to ask again what has not started."""

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals alone: they are for the services."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See the base class, for which the backlog is also what it takes at once."""
        await super().startup(sockets)
        for sock in sockets or ():
            sock.listen(BACKLOG)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(host: str, port: int, *, what: str, setting: str) -> socket.socket:
    """A socket bound to this address. Raises UsageError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Of a socket that does not name TCP asyncio does not know that it is: answers on a connection that stays
    # open would wait 40 ms for the client's acknowledgement (Nagle's algorithm).
    try:
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for option in ACCEPTING:
                sock.setsockopt(*option)
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
    except OSError as error:
        todo = f"set {setting}_PORT to another port, or to 0 for a free one"
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            todo = f"set {setting}_HOST to an address of this machine"
        raise UsageError(f"cannot serve {what} on {host}:{port} ({system_reason(error)}); {todo}") from None
    return sock


@asynccontextmanager
async def serving(application: Asgi, sock: socket.socket, bounds: Bounds) -> AsyncIterator[None]:
    """Answers while the block runs; what is under way at its end is waited for, for a while."""
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        backlog=AT_ONCE,
        timeout_graceful_shutdown=int(LINGER_SECONDS),
        **bounds.options(),
    )
    server = _Server(config)
    sock.listen(BACKLOG)  # who comes before the server waits for it
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        sock.close()


class Front:
    """The public face of a process. Before its application is there it says so, and that it lives."""

    def __init__(self) -> None:
        self.application: Asgi | None = None
        self.port = 0

    async def serve(self, application: Asgi) -> None:
        """See shared.host.services.ServeHttp. Raises UsageError for a second one."""
        if self.application is not None:
            raise UsageError("one process serves one HTTP face")
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.application is not None:
            await self.application(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/livez":
            await JSONResponse({"status": "starting"})(scope, receive, send)
        elif scope["type"] == "http":
            starting = {"detail": "the service is starting"}
            again = {"Retry-After": str(WAIT_SECONDS)}
            await JSONResponse(starting, status_code=503, headers=again)(scope, receive, send)


@asynccontextmanager
async def opened_front(host: str, port: int) -> AsyncIterator[Front]:
    """A face that answers while the block runs. Raises UsageError."""
    sock = bound(host, port, what="HTTP", setting="GATEWAY")
    front = Front()
    front.port = int(sock.getsockname()[1])
    async with serving(front, sock, FACE):
        log.info("serving HTTP", host=host, port=front.port)
        yield front
