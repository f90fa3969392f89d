"""The gateway's proxy alone, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.gateway.bodies import Bodies, Patience
from services.gateway.proxy import opened_proxy, pass_on_the_rest
from shared.host.http import FACE
from tests.support.http_server import served

_AS_THE_GATEWAY = Patience()


@asynccontextmanager
async def fronted(
    backend: str | None, port: int = 0, *, patience: Patience = _AS_THE_GATEWAY, **how: Any
) -> AsyncIterator[str]:
    """The address of a proxy before this backend, beside one route of its own and behind what bounds bodies.
    For `how` see `opened_proxy`."""
    app = FastAPI(docs_url=None, redirect_slashes=False)
    app.post("/ours")(lambda: {"by": "us"})
    app.add_middleware(Bodies, upload_bytes=1024, patience=patience)
    async with opened_proxy(backend, **how) as proxy, served(app, port, **FACE) as found:
        pass_on_the_rest(app, proxy, _anybody)
        yield f"http://127.0.0.1:{found}"


async def _anybody(_: Any) -> None:
    """May ask."""
