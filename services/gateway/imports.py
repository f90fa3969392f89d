"""Taking imports, cancelling them, and trying again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import ConfigDict

from services.gateway.problems import Problem, told_as
from services.gateway.receiving.described import UPLOADING
from services.gateway.state import Gateway
from shared.domain.bounds import Count, LineageName, PipelineName, Source
from shared.domain.discreet import Discreet
from shared.domain.sources import require_nameable
from shared.requests.accept import Accepted, Terms
from shared.requests.request import Request as ImportRequest
from shared.requests.request import storage_request
from shared.settings import Settings

KEY_CHARS = 200


def _one_key(
    request: Request,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=KEY_CHARS)] = None,
) -> str | None:
    """Raises Problem (422) for two of them: which is meant, two readers could tell differently."""
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Problem(422, "Idempotency-Key: is there twice")
    return idempotency_key


IdempotencyKey = Annotated[str | None, Depends(_one_key)]
"""What the client calls this request: asked again under it within a day, it is answered the same."""

TOLD = told_as(None, 400, 401, 403, 408, 413, 415, 422, 429, 501, 503, 507)
"""What POST /imports may answer but 202."""


class NewImport(Discreet):
    """An export that lies in storage, to be processed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "imports/5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42/1732600000000-export.zip",
                    "user_id": "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42",
                }
            ]
        }
    )

    source: Source
    """`bucket/path` in storage."""
    user_id: UUID
    pipeline: PipelineName | None = None
    """The pipeline to take; none: as imports are routed."""
    lineage: LineageName | None = None
    """The account that the export is of, as the person names it; none: as the export tells."""
    replace: bool = False
    """Whether its memory is to be served even if it holds much less than the one that is."""
    conversation_count: Count | None = None
    message_count: Count | None = None


class TakenImport(Discreet):
    """Which import and run it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "import_id": "0b5f3a0c-3c1e-5d4e-8f2a-6a1d2c3b4e5f",
                    "run": 1,
                    "state": "received",
                    "pipeline": "v2",
                    "events_url": "/imports/0b5f3a0c-3c1e-5d4e-8f2a-6a1d2c3b4e5f/events",
                }
            ]
        }
    )

    import_id: UUID
    run: int
    state: str
    pipeline: str
    events_url: str
    """Where its progress is told."""


class CancelledImport(Discreet):
    """The run that was cancelled."""

    import_id: UUID
    run: int
    state: str


def taken(accepted: Accepted, response: Response) -> TakenImport:
    """How an accepted request is answered."""
    run = accepted.run
    response.headers["Location"] = f"/imports/{run.import_id}"
    return TakenImport(
        import_id=run.import_id,
        run=run.run,
        state=run.state,
        pipeline=run.pipeline,
        events_url=f"/imports/{run.import_id}/events",
    )


def router(gateway: Gateway) -> APIRouter:
    """POST /imports, DELETE /imports/{id}, POST /imports/{id}/retry."""
    routes = APIRouter(tags=["imports"])
    store = gateway.kit.store

    @routes.post("/imports", status_code=202, responses=TOLD, openapi_extra=UPLOADING)
    async def take(
        body: NewImport, request: Request, response: Response, idempotency_key: IdempotencyKey = None
    ) -> TakenImport:
        """Take an export: one that lies in storage, or the body itself."""
        caller = await gateway.access.caller(request)
        caller.require(body.user_id)
        asked = request_of(body, gateway.kit.settings)
        digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
        terms = Terms(pipeline=body.pipeline, replace=body.replace, key=idempotency_key, digest=digest)
        return taken(await gateway.take(asked, terms), response)

    @routes.delete(
        "/imports/{import_id}", status_code=202, responses=told_as(None, 400, 401, 404, 409, 413, 422, 503)
    )
    async def cancel(import_id: UUID, request: Request) -> CancelledImport:
        """Cancel an import: its newest run ends; what is served stays."""
        run = await gateway.newest_run(import_id, await gateway.access.caller(request))
        if not await store.cancel_run(import_id, run.run):
            run = await gateway.newest_run(import_id, await gateway.access.caller(request))
            if run.state != "cancelled":
                raise Problem(409, f"it has ended: {run.state}", import_id=import_id)
        return CancelledImport(import_id=import_id, run=run.run, state="cancelled")

    @routes.post(
        "/imports/{import_id}/retry",
        status_code=202,
        responses=told_as(None, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503),
    )
    async def retry(
        import_id: UUID, request: Request, response: Response, idempotency_key: IdempotencyKey = None
    ) -> TakenImport:
        """Process an import again, as its next run."""
        run = await gateway.newest_run(import_id, await gateway.access.caller(request))
        asked = ImportRequest(import_id, run.user_id, run.source)
        digest = hashlib.sha256(f"retry\0{import_id}".encode()).hexdigest()
        terms = Terms(again=True, key=idempotency_key, digest=digest)
        return taken(await gateway.take(asked, terms), response)

    return routes


def request_of(body: NewImport, settings: Settings) -> ImportRequest:
    """What is asked for. Raises SourceError for what is no object of storage that its user may name."""
    require_nameable(body.source, body.user_id, settings.import_buckets)
    asked = storage_request(body.source, body.user_id, body.lineage)
    return replace(asked, conversation_count=body.conversation_count, message_count=body.message_count)
