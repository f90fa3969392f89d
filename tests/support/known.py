"""Routes that say who calls, behind the gateway's door, and callers that it knows."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI, Request

from services.gateway.access.access import Access
from services.gateway.access.cors import let_pages_read
from services.gateway.access.door import Door
from services.gateway.access.opening import opened_access
from services.gateway.problems import tell_problems
from shared.domain.origins import origins
from shared.settings import load_settings

KEY, OTHER_KEY = "service-key-of-the-tests-" + "1" * 40, "service-key-of-the-tests-" + "2" * 40
USER, STRANGER = UUID("0d9b3c54-9ed1-4c63-b7a2-6a3b3d1b7f10"), UUID("7a1c9b52-11f8-4dd1-9a67-2c3e0c5d6e7f")
IMPORT = UUID("5f0f8b0e-6c67-4b6e-9a53-0a4a7c1b9d21")
EVENTS = f"/imports/{IMPORT}/events"
DIGESTS = ",".join(hashlib.sha256(key.encode()).hexdigest() for key in (KEY, OTHER_KEY))


def bearer(credentials: str) -> dict[str, str]:
    """The header that brings them."""
    return {"Authorization": f"Bearer {credentials}"}


def application(access: Access, *, cors: str = "") -> FastAPI:
    """Routes that say who calls and by which path, behind the door."""
    app = FastAPI(docs_url=None, redoc_url=None)
    tell_problems(app)

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def echo(request: Request, user_id: UUID | None = None) -> dict[str, Any]:
        scope = request.scope
        if scope["path"] in ("/livez", "/health"):
            return {"path": scope["path"]}
        caller = await access.caller(request)
        if user_id is not None:
            caller.require(user_id)
        return {
            "user": caller.user_id,
            "service": caller.service,
            "import": caller.import_id,
            "path": scope["path"],
            "raw": scope["raw_path"].decode(),
            "url": str(request.url),
        }

    app.add_middleware(Door, access=access)
    let_pages_read(app, origins(cors))
    return app


@asynccontextmanager
async def client(*, cors: str = "", **settings: object) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application with these settings."""
    async with opened_access(load_settings(**settings)) as access:
        app = application(access, cors=cors)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as opened:
            yield opened
