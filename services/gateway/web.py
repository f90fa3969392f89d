"""The gateway's application: its routes, in the order in which they are tried."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from services.gateway import health, imports, legacy, progress, reading, uploads
from services.gateway.access import routes as tickets
from services.gateway.access.cors import let_pages_read
from services.gateway.access.described import describe_credentials
from services.gateway.access.door import Door
from services.gateway.bodies import Bodies
from services.gateway.deprecation import SaysItEnds
from services.gateway.measuring import Measured
from services.gateway.problems import tell_problems
from services.gateway.proxy import pass_on_the_rest
from services.gateway.rest import require_passable
from services.gateway.state import Gateway
from services.gateway.unread import Unread


def application(gateway: Gateway) -> FastAPI:
    """All routes over one gateway."""
    app = FastAPI(
        title="SoulPrint",
        summary="Takes exports of conversations, shows how they fare, serves what became of them.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    tell_problems(app)
    for each in (
        uploads.router(gateway),
        imports.router(gateway),
        tickets.router(gateway),
        progress.router(gateway),
        reading.router(gateway),
        legacy.router(gateway),
        health.router(gateway.health),
    ):
        app.include_router(each)
    pass_on_the_rest(app, gateway.proxy, partial(require_passable, gateway.access))
    describe_credentials(app)
    # What is added later stands further out: who is not known has no body read, and is told so where an
    # allowed page may read it; and all of it is counted.
    app.add_middleware(Bodies, upload_bytes=gateway.kit.settings.upload_max_bytes)
    app.add_middleware(Door, access=gateway.access)
    app.add_middleware(SaysItEnds, deprecation=gateway.deprecation)
    let_pages_read(app, gateway.kit.settings.cors_origins)
    app.add_middleware(Measured, metrics=gateway.kit.metrics.http)
    app.add_middleware(Unread)
    return app
