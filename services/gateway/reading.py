"""What may be read of imports and of what is served."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from services.gateway import examples
from services.gateway.problems import Problem, told_as
from services.gateway.state import Gateway
from shared.domain.discreet import Discreet
from shared.domain.errors import StoreError
from shared.domain.facts import FactStatus
from shared.domain.runs import RunKey
from shared.store.watching import FoundRun, Served, ToldFact, ToldRun

RUNS = 200
"""Most runs of a page."""
FACTS = 500
"""Most facts of a page."""
HIGHEST_RUN = 2**31 - 1
WRONG_ARGUMENT = "SP003"
_FRESH = {"Cache-Control": "no-store"}


class RunPage(Discreet):
    """Runs, the newest first."""

    imports: list[ToldRun]
    next: str | None = Field(description="What `after` is to be for the next page; null: this is the last.")


class FactPage(Discreet):
    """Facts in the order of what they are about, and then of when they were said."""

    facts: list[ToldFact]
    next: UUID | None = Field(description="What `after` is to be for the next page; null: this is the last.")


def router(gateway: Gateway) -> APIRouter:
    """GET /imports, /imports/{id}, /profiles/{user_id}, /profiles/{user_id}/facts."""
    routes = APIRouter()
    store, caller_of = gateway.kit.store, gateway.access.caller

    @routes.get(
        "/imports",
        tags=["imports"],
        response_model=RunPage,
        responses=told_as(examples.RUNS, 401, 403, 422, 503),
    )
    async def list_imports(
        request: Request,
        user_id: Annotated[UUID | None, Query(description="A service may leave it out: runs of all.")] = None,
        after: Annotated[
            str | None,
            Query(pattern=r"^[0-9a-fA-F-]{36}\.[0-9]{1,9}$", description="`next` of the page before."),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=RUNS)] = 50,
    ) -> Response:
        """Runs of a person's imports, the newest first: those that were asked for, and fallbacks."""
        caller = await caller_of(request)
        if user_id is not None:
            caller.require(user_id)
        elif not caller.service:
            user_id = caller.user_id
            if user_id is None:
                caller.require_service()
        try:
            runs = await store.page_runs(user_id, _run_key(after), limit)
        except StoreError as error:
            raise _no_such_place(error) from None
        more = f"{runs[-1].import_id}.{runs[-1].run}" if len(runs) == limit else None
        return _json(RunPage(imports=runs, next=more))

    @routes.get(
        "/imports/{import_id}",
        tags=["imports"],
        response_model=FoundRun,
        responses=told_as(examples.RUN, 401, 404, 422, 503),
    )
    async def read_import(
        request: Request,
        import_id: UUID,
        run: Annotated[
            int | None, Query(ge=1, le=HIGHEST_RUN, description="Which of its runs; by default the newest.")
        ] = None,
    ) -> Response:
        """How an import fares, or how it ended. Another person's is answered as one that there is not."""
        caller = await caller_of(request)
        found = None
        if caller.service or caller.user_id is not None:
            found = await store.find_run(import_id, run, caller.user_id)
        if found is None:
            raise Problem(404, "there is no such import", import_id=import_id)
        return _json(found)

    @routes.get(
        "/profiles/{user_id}",
        tags=["profiles"],
        response_model=Served,
        responses=told_as(examples.SERVED, 401, 403, 404, 422, 503)
        | {304: {"description": "As it was, by If-None-Match."}},
    )
    async def read_profile(
        request: Request,
        user_id: UUID,
        if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
    ) -> Response:
        """What is served to a person: MEMORY and sections, and whose they are."""
        (await caller_of(request)).require(user_id)
        served = await store.read_served(user_id)
        if served is None:
            raise Problem(404, "nothing is served to this person yet")
        answer = _json(served)
        tag = f'"{hashlib.blake2b(answer.body, digest_size=16).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if if_none_match is not None and _matches(if_none_match, tag):
            return Response(status_code=304, headers=headers)
        answer.headers.update(headers)
        return answer

    @routes.get(
        "/profiles/{user_id}/facts",
        tags=["profiles"],
        response_model=FactPage,
        responses=told_as(examples.FACTS, 401, 403, 422, 503),
    )
    async def list_facts(
        request: Request,
        user_id: Annotated[UUID, Path()],
        after: Annotated[UUID | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=FACTS)] = 100,
        status: Annotated[
            list[FactStatus] | None,
            Query(max_length=3, description="By default all but those that say the same as another."),
        ] = None,
    ) -> Response:
        """The facts that are served to a person, with the words that they rest on."""
        (await caller_of(request)).require(user_id)
        wanted = status or [FactStatus.CURRENT, FactStatus.SUPERSEDED]
        try:
            facts = await store.page_facts(user_id, None if after is None else (after,), limit, wanted)
        except StoreError as error:
            raise _no_such_place(error) from None
        return _json(FactPage(facts=facts, next=facts[-1].id if len(facts) == limit else None))

    return routes


def _run_key(after: str | None) -> RunKey | None:
    if after is None:
        return None
    import_id, _, run = after.partition(".")
    try:
        return RunKey(UUID(import_id), int(run))
    except ValueError:
        raise Problem(422, "after: is no place in this list") from None


def _no_such_place(error: StoreError) -> Exception:
    if error.sqlstate != WRONG_ARGUMENT:
        return error
    return Problem(422, "after: is no place in this list, or no longer: begin again without it")


def _json(model: BaseModel) -> Response:
    """The model as it is: it was checked when it was read."""
    body = model.__pydantic_serializer__.to_json(model)
    return Response(body, media_type="application/json", headers=_FRESH)


def _matches(wanted: str, tag: str) -> bool:
    return any(each.strip().removeprefix("W/") in ("*", tag) for each in wanted.split(","))
