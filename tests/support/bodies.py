"""A server that takes bodies as the gateway does, and what its routes see of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from services.gateway.bodies import Bodies, BodyRefusedError, Patience
from services.gateway.body_rules import LARGE, is_upload
from services.gateway.unread import Unread
from shared.host.http import FACE
from tests.support.http_server import served, wire
from tests.support.waiting import until

UPLOAD_BYTES = 300_000
QUICK = Patience(silent=0.1)
CALM = Patience(silent=30)


class Ours(BaseModel):
    source: str
    user_id: str


class Legacy(BaseModel):
    user_id: str
    counts: int = 0


def make_app() -> tuple[FastAPI, list[Any]]:
    """Routes of each kind, and what they saw."""
    app, seen = FastAPI(), list[Any]()

    @app.post("/imports")
    async def imports(request: Request) -> Any:
        if not is_upload(request.scope):
            body = await request.body()
            seen.append(body)
            return {"source": Ours.model_validate_json(body).source}
        try:
            size = 0
            async for piece in request.stream():
                size += len(piece)
        except BodyRefusedError as refused:
            seen.append(refused)
            return {"swallowed": True}  # what a route makes of it does not matter
        return {"size": size}

    @app.post("/import-full")
    async def legacy(asked: Legacy) -> Any:
        return {"user_id": asked.user_id}

    @app.post("/profiles/{who}")
    async def early(who: str) -> Any:
        raise HTTPException(401, "who are you?")

    @app.post("/{path:path}")
    async def proxied(path: str, request: Request) -> Any:
        size = sum([len(piece) async for piece in request.stream()])
        return {"size": size, "large": bool(request.scope.get(LARGE))}

    return app, seen


class Setting:
    """A server whose bodies may take their time, one where they may not, and what routes saw of both."""

    def __init__(self, calm: int, quick: int, seen: list[Any]) -> None:
        self.calm, self.quick, self.seen = calm, quick, seen

    async def cut_off(self, *sent: bytes) -> None:
        """Send this, be gone, and wait until the route knows."""
        before = len(self.seen)
        async with wire(self.calm) as line:
            await line.send(*sent)
            line.cut()
        await until(lambda: len(self.seen) > before)


@asynccontextmanager
async def taking_bodies() -> AsyncIterator[Setting]:
    """Such servers."""
    app, seen = make_app()
    calm = Bodies(app, upload_bytes=UPLOAD_BYTES, patience=CALM)
    quick = Bodies(app, upload_bytes=UPLOAD_BYTES, patience=QUICK)
    async with (
        served(Unread(calm, linger=5), **FACE.options()) as port,
        served(Unread(quick), **FACE.options()) as other,
    ):
        yield Setting(port, other, seen)
