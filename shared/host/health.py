"""/livez, /readyz and /metrics of one process, on one port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.domain.errors import UsageError
from shared.log.health import LoopState, PoolState, Verdict, live, ready

log = structlog.get_logger(__name__)

States = Callable[[], Sequence[tuple[PoolState, LoopState]] | str]
"""The replicas of this process as they are now; while it starts, what it waits for."""


@asynccontextmanager
async def health_server(
    host: str, port: int, states: States, registry: CollectorRegistry
) -> AsyncIterator[int]:
    """Answers while the block runs; gives the port. Raises UsageError if it cannot be had."""
    sock = _bound(host, port)
    # When a counter was made: a series more for each, which nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    server = _Server(
        uvicorn.Config(_pages(states, registry), log_config=None, access_log=False, lifespan="off")
    )
    task = asyncio.create_task(server.serve(sockets=[sock]))
    found = int(sock.getsockname()[1])
    log.info("health and metrics", host=host, port=found)
    try:
        yield found
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        sock.close()


class _Server(uvicorn.Server):
    """Leaves signals alone: they are for the services."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        raise UsageError(
            f"cannot serve health and metrics on {host}:{port} ({error.strerror}); "
            "set METRICS_PORT to another port, or to 0 for a free one"
        ) from None
    return sock


def _pages(states: States, registry: CollectorRegistry) -> Starlette:
    async def livez(_: Request) -> Response:
        found = states()
        return _verdict(Verdict() if isinstance(found, str) else live(found))

    async def readyz(_: Request) -> Response:
        found = states()
        return _verdict(Verdict((found,)) if isinstance(found, str) else ready(found))

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)],
    )


def _verdict(verdict: Verdict) -> Response:
    return JSONResponse(
        {"ok": verdict.ok, "reasons": list(verdict.reasons)}, status_code=200 if verdict.ok else 503
    )
