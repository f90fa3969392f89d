"""The gateway's uploads in a process of its own, whose memory is a test's to measure: every upload is taken,
and nobody is asked.

    python -m tests.support.upload_server FOLDER    # or the address of a storage; prints its port
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from services.gateway.access.caller import SERVICE, Caller
from services.gateway.bodies import Bodies
from services.gateway.problems import tell_problems
from services.gateway.receiving.base import Uploads
from services.gateway.receiving.folder import FolderUploads
from services.gateway.receiving.places import Places
from services.gateway.receiving.storage import storage_uploads
from services.gateway.unread import Unread
from services.gateway.uploads import router
from shared.host.http import FACE
from shared.requests.accept import Accepted, Terms
from shared.requests.request import Request
from shared.store.accepting import AcceptedRun
from tests.support.http_server import served

KEY = "service-key"
MOST = 5 * 1024**3


class _Anybody:
    async def caller(self, _: object) -> Caller:
        return SERVICE


class _Gateway:
    """What the route asks of one."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads, self.access, self.places = uploads, _Anybody(), Places()

    def require_pipeline(self, name: str | None) -> None:
        """Any will do."""

    async def take(self, request: Request, terms: Terms) -> Accepted:
        run = AcceptedRun(
            import_id=request.import_id, run=1, resumed=False, requested_at=datetime.now(UTC),
            source=request.source, pipeline="v2", state="received",
        )  # fmt: skip
        return Accepted(run, request.user_id)


async def main(where: str) -> None:
    async with AsyncExitStack() as stack:
        uploads: Any = FolderUploads(Path(where), MOST)
        if where.startswith("http"):
            uploads = await stack.enter_async_context(storage_uploads(where, KEY, "imports", MOST))
        app = FastAPI()
        tell_problems(app)
        app.include_router(router(_Gateway(uploads)))  # type: ignore[arg-type]
        port = await stack.enter_async_context(
            served(Unread(Bodies(app, upload_bytes=MOST)), **FACE.options())
        )
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)  # until whoever started it is gone


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
