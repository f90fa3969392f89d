"""What the gateway says when it does not do what was asked: a problem (RFC 9457), and on the predecessor's
routes {detail}, as it says it. Nothing that was sent is repeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from services.gateway.access.paths import is_ours
from services.gateway.deprecation import SAID
from shared.domain.discreet import Discreet
from shared.domain.errors import ForeignSourceError, SourceError, StoreError, UsageError
from shared.domain.told import told as said_of
from shared.requests.accept import RefusedError

STORE_AGAIN = 5
"""Seconds after which to ask again where the database did not answer."""
_REFUSED = {"key": 422, "hourly": 429, "unfinished": 429, "running": 409, "unknown": 404}

log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - an answer, not a fault
    """An answer in place of what was asked for. `detail` says what is wrong and what to do, and nothing that
    was sent."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        import_id: UUID | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.import_id = import_id
        self.headers = dict(headers or {})


class ProblemTold(Discreet):
    """A problem as it is answered (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    import_id: UUID | None = None


def told_as(example: object, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a route: its answer by an example, and the problems that it may answer."""
    told: dict[int | str, dict[str, Any]] = {}
    if example is not None:
        told[200] = {"content": {"application/json": {"example": example}}}
    schema = ProblemTold.model_json_schema()
    for status in statuses:
        told[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schema}},
        }
    return told


def answer(problem: Problem, path: str) -> Response:
    """How a problem is answered on this path."""
    if not is_ours(path):
        return JSONResponse({"detail": problem.detail}, problem.status, problem.headers)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.import_id is not None:
        body["import_id"] = str(problem.import_id)
    return JSONResponse(body, problem.status, problem.headers, media_type="application/problem+json")


def problem_of(error: Exception) -> Problem:
    """How a fault that a route met is told."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RefusedError):
        again = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return Problem(_REFUSED[error.refusal], str(error), headers=again)
    if isinstance(error, SourceError):
        return Problem(403 if isinstance(error, ForeignSourceError) else 422, str(error))
    if isinstance(error, StoreError):
        return Problem(
            503,
            "the database does not answer; nothing was taken, ask again",
            headers={"Retry-After": str(STORE_AGAIN)},
        )
    if isinstance(error, UsageError):
        return Problem(422, str(error))
    return Problem(500, "this went wrong here, and is in the log")


def _methods(app: FastAPI, path: str) -> list[str]:
    """Which methods a path takes: of several routes, where the router names those of the first."""
    return sorted(
        method.upper()
        for template, methods in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        for method in methods
    )


def tell_problems(app: FastAPI) -> None:
    """Have faults answered as problems."""

    async def told(request: Request, error: Exception) -> Response:
        if isinstance(error, StoreError) and not isinstance(error, SourceError):
            log.warning("the database refused", stage="gateway", error=str(error))
        return answer(problem_of(error), request.scope["path"])

    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if not is_ours(request.scope["path"]):
            return await request_validation_exception_handler(request, error)
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:10])
        return answer(Problem(422, wrong), request.scope["path"])

    async def refused(request: Request, error: HTTPException) -> Response:
        if not is_ours(request.scope["path"]):
            return await http_exception_handler(request, error)
        problem = Problem(error.status_code, str(error.detail), headers=error.headers)
        return answer(problem, request.scope["path"])

    async def unknown(request: Request, error: Exception) -> Response:
        path = request.scope["path"]
        if not is_ours(path):
            return await http_exception_handler(request, error)  # type: ignore[arg-type]
        allowed = ", ".join(_methods(request.app, path))
        return answer(Problem(405, f"this takes {allowed}", headers={"Allow": allowed}), path)

    async def broken(request: Request, error: Exception) -> Response:
        log.error("a request broke", stage="gateway", error=said_of(error), exc_info=error)
        problem = problem_of(error)
        problem.headers.update(request.scope.get(SAID, {}))
        return answer(problem, request.scope["path"])

    for kind in (Problem, RefusedError, StoreError, SourceError, UsageError):
        app.add_exception_handler(kind, told)
    app.add_exception_handler(RequestValidationError, invalid)  # type: ignore[arg-type]  # it gets its own kind
    app.add_exception_handler(HTTPException, refused)  # type: ignore[arg-type]
    app.add_exception_handler(405, unknown)  # raised by the router, of another kind
    app.add_exception_handler(Exception, broken)
