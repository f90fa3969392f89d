"""GET /imports/{id}/events: how an import fares, as server-sent events, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway import examples
from services.gateway.access.caller import Caller
from services.gateway.problems import Problem, told_as
from services.gateway.state import Gateway
from services.gateway.watching import Watch, Watcher
from shared.domain.runs import RunKind
from shared.store.watching import WatchedRun

STREAMS: Final = 2_000
"""Most streams of a gateway at a time."""
STREAMS_OF_USER: Final = 20
"""Most of one person's imports."""
RETRY_MS: Final = 3_000
"""After which a client comes again."""
COMMENT_SECONDS: Final = 15.0
"""Without an event: then a comment is sent, which keeps proxies from closing the stream."""
LIFE_SECONDS: Final = 3_600.0
"""Of a stream. Its client then comes again, and shows anew that it may."""
_AGAIN = {"Retry-After": "5"}
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EVENT = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": ["progress", "end"]},
        "id": {"type": "string", "pattern": "^[0-9]+(-end)?$"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
"""An event, for OpenAPI."""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def event_of(name: str, row: WatchedRun) -> bytes:
    """The event of this name, whole. The end has an id of its own: who saw the last progress alone is not
    done."""
    data = orjson.dumps(
        {
            "import_id": row.import_id,
            "run": row.run,
            "kind": row.kind,
            "state": row.state,
            "stage": row.stage,
            "percent": row.percent,
            "chunks": {"ok": row.ok, "dead": row.dead, "total": row.total},
            "coverage": row.coverage,
        }
    )
    told = end_id(row) if name == "end" else str(row.version)
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), told.encode(), data)


def end_id(row: WatchedRun) -> str:
    """The id of the event that ends the stream of an import that ended so."""
    return f"{row.version}-end"


class Events(StreamingResponse):
    """The stream of one client. It holds the newest state and nothing before it; a client that is gone ends
    it at once."""

    media_type = "text/event-stream"

    def __init__(self, watcher: Watcher, row: WatchedRun, seen: str | None, status_code: int = 200) -> None:
        super().__init__((), status_code, headers=_HEADERS)
        self._watcher = watcher
        self._row = row
        self._seen = seen

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer as an ASGI application does."""
        watch = self._watcher.watch(self._row)
        leaving = asyncio.create_task(_leave(receive, watch))
        try:
            with suppress(OSError):  # the client is gone
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                await self._write(watch, send)
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._watcher.leave(watch)
            leaving.cancel()
            await asyncio.wait([leaving])

    async def _write(self, watch: Watch, send: Send) -> None:
        async def piece(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        end = asyncio.get_running_loop().time() + LIFE_SECONDS
        await piece(b"retry: %d\n\n" % RETRY_MS)
        while (left := end - asyncio.get_running_loop().time()) > 0:
            if not await watch.changed(min(COMMENT_SECONDS, left)):
                await piece(b": the database does not answer\n\n" if watch.away else b":\n\n")
            elif (row := watch.newest) is None:
                return
            else:
                if str(row.version) != self._seen:
                    await piece(event_of("progress", row))
                self._seen = None
                if row.ended:
                    await piece(event_of("end", row))
                    return


async def _leave(receive: Receive, watch: Watch) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.tell(None)


def may_watch(caller: Caller, row: WatchedRun) -> bool:
    """Whether this one may see how an import fares: of a shadow nobody is told but services."""
    if caller.service or caller.import_id == row.import_id:
        return True
    return caller.user_id == row.user_id and row.kind is not RunKind.SHADOW


def router(gateway: Gateway) -> APIRouter:
    """The route, for this gateway."""
    routes = APIRouter(tags=["imports"])
    watcher = gateway.watcher

    @routes.get(
        "/imports/{import_id}/events",
        response_class=Events,
        responses=told_as(None, 401, 404, 422, 429, 503)
        | {
            200: {
                "description": (
                    "Events `progress`, the newest state first, and `end`, after which the stream ends. It "
                    "goes on over retries, until nothing of the import is under way."
                ),
                "content": {"text/event-stream": {"schema": _EVENT, "example": examples.EVENTS}},
            },
            204: {"description": "The import ended, and Last-Event-ID says that this was told."},
        },
    )
    async def events(
        request: Request,
        import_id: UUID,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> Response:
        """How an import fares, told as it does, to its end."""
        caller = await gateway.access.caller(request)
        row = await watcher.find(import_id)
        if row is None or not may_watch(caller, row):
            raise Problem(404, "there is no such import", import_id=import_id)
        if row.ended and last_event_id == end_id(row):
            return Response(status_code=204)
        if watcher.count >= STREAMS:
            raise Problem(503, "too many streams are open; ask again", headers=_AGAIN)
        if watcher.count_of(row.user_id) >= STREAMS_OF_USER:
            raise Problem(
                429, f"{STREAMS_OF_USER} streams of this person are open: close one", headers=_AGAIN
            )
        return Events(watcher, row, last_event_id)

    return routes
