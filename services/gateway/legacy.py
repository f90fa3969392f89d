"""The predecessor's routes that take imports, answered as it answers them. Its clients see no difference but
headers: which import and run it is stands there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from services.gateway.body_rules import JSON_BYTES, LARGE
from services.gateway.deprecation import ENDING, SUCCESSOR
from services.gateway.legacy_calls import user_named
from services.gateway.legacy_models import (
    AcceptedOfHead,
    AcceptedReply,
    Detail,
    ImportFull,
    Invalid,
    OfUser,
    ProcessFull,
    ProcessFullOfHead,
    Processing,
    ProcessingV2,
    RetryFullPass,
    told,
)
from services.gateway.passing import has_hop
from services.gateway.problems import Problem
from services.gateway.proxy import IN_A_CIRCLE, PassedOn
from services.gateway.state import Gateway
from shared.domain.sources import require_nameable
from shared.requests.accept import Terms
from shared.requests.request import storage_request
from shared.store.routing import UNNAMED

NOTICE: Final = f"{ENDING} is deprecated. Use {SUCCESSOR}."
GONE: Final = f"{ENDING} has ended. Use {SUCCESSOR}."
PROCESSING: Final = "Processing started"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": Invalid, "description": "A field is missing or wrong"},
    **{
        status: {"model": Detail, "description": description}
        for status, description in {
            400: "The body cannot be read, or names no export",
            401: "Nobody that is known",
            403: "The export is not this user's",
            408: "The body stopped coming",
            413: "The body is too large",
            415: "The body is compressed",
            429: "Too many imports of this user; Retry-After says when to ask again",
            503: "The database does not answer, and nothing was taken; Retry-After says when to ask again",
            508: "It comes from this gateway",
        }.items()
    },
}
_OF_ONE_THAT_ENDS: Final[dict[int | str, dict[str, Any]]] = {
    410: {"model": Detail, "description": "It has ended; Link says what to call"},
}
_OF_THE_BACKEND: Final[dict[int | str, dict[str, Any]]] = {
    **_OF_ONE_THAT_ENDS,
    502: {"model": Detail, "description": "The V1 backend cannot be reached"},
    504: {"model": Detail, "description": "The V1 backend does not answer"},
}


def router(gateway: Gateway) -> APIRouter:
    """POST /process-full, /process-full-v2, /import-full, /retry-full-pass."""
    settings = gateway.kit.settings
    routes = APIRouter(
        tags=["predecessor"],
        responses=_ANSWERS,
        strict_content_type=False,  # it takes JSON that does not say what it is
        route_class=_route_class(gateway),
    )

    async def process_full(body: ProcessFull, request: Request, response: Response) -> Any:
        """Process an export in storage. Without storage_path the predecessor is asked."""
        if not body.storage_path:
            (await gateway.access.caller(request)).require(body.user)
            return await _by_the_backend(gateway, request)
        import_id = await _take(gateway, body, body.storage_path, request, response)
        return Processing(
            message=PROCESSING,
            user_id=body.user_id,
            conversation_count=body.conversation_count,
            job_id=import_id,
            deprecation_notice=NOTICE,
        )

    async def process_full_of_head(body: ProcessFullOfHead, request: Request, response: Response) -> Any:
        """Process an export in storage."""
        await _take(gateway, body, body.storage_path, request, response)
        return AcceptedOfHead(message=PROCESSING, deprecation_notice=NOTICE)

    if settings.legacy_shape == "full":
        route = routes.post(ENDING, response_model=Processing, deprecated=True, responses=_OF_THE_BACKEND)
        route(process_full)
    else:
        route = routes.post(
            ENDING, response_model=AcceptedOfHead, deprecated=True, responses=_OF_ONE_THAT_ENDS
        )
        route(process_full_of_head)

    @routes.post(SUCCESSOR)
    async def process_full_v2(body: ProcessFull, request: Request, response: Response) -> ProcessingV2:
        """Process an export in storage by the pipeline that is served, whatever share of imports it has."""
        if not body.storage_path:
            raise Problem(400, "storage_path is required")
        pipeline = settings.pipeline
        import_id = await _take(gateway, body, body.storage_path, request, response, pipeline=pipeline)
        return ProcessingV2(
            message=PROCESSING,
            user_id=body.user_id,
            conversation_count=body.conversation_count,
            job_id=import_id,
        )

    @routes.post("/import-full", status_code=202)
    async def import_full(body: ImportFull, request: Request, response: Response) -> AcceptedReply:
        """Process an export in storage."""
        await _take(gateway, body, body.storage_path, request, response)
        return AcceptedReply(message="Import started")

    @routes.post("/retry-full-pass", status_code=202)
    async def retry_full_pass(body: RetryFullPass, request: Request, response: Response) -> AcceptedReply:
        """Process an export again, as its next run; while one is under way, go on with it."""
        await _take(gateway, body, body.storage_path, request, response)
        return AcceptedReply(message="Full pass started")

    return routes


async def _take(
    gateway: Gateway,
    body: OfUser,
    storage_path: str,
    request: Request,
    response: Response,
    *,
    pipeline: str | None = None,
) -> str:
    """Accept it, and say in the headers which run it is; gives the import's id. Raises Problem, SourceError,
    RefusedError, StoreError."""
    (await gateway.access.caller(request)).require(body.user)
    require_nameable(storage_path, body.user, gateway.kit.settings.import_buckets)
    asked = replace(
        storage_request(storage_path, body.user),
        conversation_count=told(getattr(body, "conversation_count", None)),
        message_count=told(getattr(body, "message_count", None)),
    )
    run = (await gateway.take(asked, Terms(pipeline=pipeline))).run
    gateway.deprecation.learn(run.deprecated_at, run.sunset_at)
    response.headers["Location"] = f"/imports/{run.import_id}"
    response.headers["X-Import-Id"] = str(run.import_id)
    response.headers["X-Import-Run"] = str(run.run)
    return str(run.import_id)


async def _by_the_backend(gateway: Gateway, request: Request) -> Response:
    """The predecessor's answer to this request, whose body was read."""
    if gateway.proxy.base is None:
        raise Problem(400, "storage_path is required: there is no V1 backend that takes anything else")
    return PassedOn(gateway.proxy, await request.body())


async def _counted(gateway: Gateway, request: Request) -> None:
    """Note whose call of a route that ends this is, if they may make it; after it has ended, too. Raises
    Problem (410) then."""
    caller = await gateway.access.caller(request)
    user = UNNAMED if request.scope.get(LARGE) else user_named(await request.body())
    if user is not None and caller.may(user):
        gateway.calls.count(ENDING, user)
    if gateway.deprecation.gone:
        raise Problem(410, GONE)


def _route_class(gateway: Gateway) -> type[APIRoute]:
    """Routes that look at what comes before its body is read."""

    class LegacyRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def first(request: Request) -> Response:
                if has_hop(request.scope["headers"]):
                    raise Problem(508, IN_A_CIRCLE)
                if request.scope["path"] == ENDING:
                    await _counted(gateway, request)
                if request.scope.get(LARGE):  # only who has conversations in the body sends so much
                    (await gateway.access.caller(request)).require_service()
                    if gateway.proxy.base is None:
                        raise Problem(413, f"the body is larger than {JSON_BYTES:,} bytes")
                    return PassedOn(gateway.proxy)
                return await handle(request)

            return first

    return LegacyRoute
