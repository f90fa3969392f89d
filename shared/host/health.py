"""/livez, /readyz and /metrics of one process, on one port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.host.connections import Bounds
from shared.host.http import bound, serving
from shared.log.health import LoopState, PoolState, Verdict, live, ready

BOUNDS: Final = Bounds(connections=64, head_seconds=5.0, untaken_seconds=10.0)
"""Who asks here is the monitoring, which is near, and Docker or Kubernetes."""

log = structlog.get_logger(__name__)

States = Callable[[], Sequence[tuple[PoolState, LoopState]] | str]
"""The replicas of this process as they are now; while it starts, what it waits for."""


@asynccontextmanager
async def health_server(
    host: str, port: int, states: States, registry: CollectorRegistry
) -> AsyncIterator[int]:
    """Answers while the block runs; gives the port. Raises UsageError if it cannot be had."""
    sock = bound(host, port, what="health and metrics", setting="METRICS")
    # When a counter was made: a series more for each, which nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    found = int(sock.getsockname()[1])
    async with serving(_pages(states, registry), sock, BOUNDS):
        log.info("health and metrics", host=host, port=found)
        yield found


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
