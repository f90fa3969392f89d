"""The gateway's proxy alone, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from services.gateway.access.access import CALLER
from services.gateway.access.caller import SERVICE, Caller
from services.gateway.bodies import Bodies, Patience
from services.gateway.proxy import opened_proxy, pass_on_the_rest
from shared.host.http import FACE
from tests.support.http_server import served

_AS_THE_GATEWAY = Patience()


@asynccontextmanager
async def fronted(
    backend: str | None,
    port: int = 0,
    *,
    patience: Patience = _AS_THE_GATEWAY,
    person: UUID | None = None,
    **how: Any,
) -> AsyncIterator[str]:
    """The address of a proxy before this backend, beside one route of its own and behind what bounds bodies.
    Whoever asks is this person, None: a service. For `how` see `opened_proxy`."""

    async def let_in(scope: Any) -> None:
        scope[CALLER] = SERVICE if person is None else Caller(user_id=person)

    app = FastAPI(docs_url=None, redirect_slashes=False)
    app.post("/ours")(lambda: {"by": "us"})
    app.add_middleware(Bodies, upload_bytes=1024, patience=patience)
    async with opened_proxy(backend, **how) as proxy, served(app, port, **FACE.options()) as found:
        pass_on_the_rest(app, proxy, let_in)
        yield f"http://127.0.0.1:{found}"
