"""The gateway's proxy alone, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.gateway.proxy import opened_proxy, pass_on_the_rest
from tests.support.serving import served


@asynccontextmanager
async def fronted(backend: str | None, port: int = 0, **how: Any) -> AsyncIterator[str]:
    """The address of a proxy before this backend, and of one route of its own, for the block. For `how` see
    `opened_proxy`."""
    app = FastAPI(docs_url=None)
    app.post("/ours")(lambda: {"by": "us"})
    async with opened_proxy(backend, **how) as proxy, served(app, port) as url:
        pass_on_the_rest(app, proxy)
        yield url
