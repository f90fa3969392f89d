"""POST /imports with the export itself: received, put where the services read it, and taken as an import that
is known by its content."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header

from services.gateway.access.caller import Caller
from services.gateway.body_rules import is_upload
from services.gateway.imports import IdempotencyKey, TakenImport, taken
from services.gateway.problems import Problem
from services.gateway.receiving.base import NotTakenError, Upload, Uploads, uninterrupted
from services.gateway.receiving.form import Form
from services.gateway.receiving.places import AGAIN
from services.gateway.state import Gateway
from shared.domain.bounds import NAME_CHARS, LineageName, PipelineName
from shared.domain.discreet import Discreet
from shared.domain.errors import StoreError
from shared.domain.ids import import_id
from shared.requests.accept import Accepted, Terms
from shared.requests.request import Request as ImportRequest
from shared.requests.request import lineage_named

log = structlog.get_logger(__name__)


class About(Discreet):
    """What is said of an upload, in the query or in a form's fields."""

    user_id: UUID | None = None
    pipeline: PipelineName | None = None
    lineage: LineageName | None = None
    replace: bool = False

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> About:
        """Raises Problem (422)."""
        known = {name: text for name, text in fields.items() if name in cls.model_fields}
        try:
            if "lineage" in known:
                known["lineage"] = lineage_named(known["lineage"]) or ""
            return cls.model_validate(known)
        except ValidationError as error:
            told = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors(include_input=False))
            raise Problem(422, told) from None


class _UploadRoute(APIRoute):
    """Passes over a request whose body is JSON that says where an export lies: the route for that is next."""

    def matches(self, scope: Any) -> Any:
        matched, child = super().matches(scope)
        return (matched, child) if is_upload(scope) else (type(matched).NONE, {})


def router(gateway: Gateway) -> APIRouter:
    """POST /imports of an export itself. Include it before that of JSON."""
    routes = APIRouter(route_class=_UploadRoute)
    places = gateway.places

    @routes.post("/imports", status_code=202, include_in_schema=False)
    async def upload(
        request: Request, response: Response, idempotency_key: IdempotencyKey = None
    ) -> TakenImport:
        caller = await gateway.access.caller(request)
        if gateway.uploads is None:
            raise Problem(
                501, "nothing can be uploaded here: no storage is set up; name an export in storage"
            )
        try:
            with places.one():
                accepted = await _take(request, gateway.uploads, caller, idempotency_key)
        except NotTakenError as error:
            raise Problem(error.status, str(error)) from None
        return taken(accepted, response)

    async def _take(request: Request, uploads: Uploads, caller: Caller, key: str | None) -> Accepted:
        with ExitStack() as held:
            if caller.user_id is not None:  # before a form is read that may never come to its file
                held.enter_context(places.of(caller.user_id))
            export = await _Export.begun(request)
            user_id = export.said_before().user_id or caller.user_id
            if user_id is None:
                told = "user_id: is missing; name it in the query, or in the form before the file"
                raise Problem(422, told)
            caller.require(user_id)
            gateway.require_pipeline(export.said_before().pipeline)
            if caller.user_id is None:
                held.enter_context(places.of(user_id))
            with _told():
                received = await uploads.receive(export.pieces, user_id, export.name, export.size)
            return await uninterrupted(_kept(received, uploads, export, user_id, key))

    async def _kept(
        received: Upload, uploads: Uploads, export: _Export, user_id: UUID, key: str | None
    ) -> Accepted:
        """Take what was received. Nothing is left of it if it is not taken, or not the run's source."""
        try:
            about = await export.ended(user_id)
            accepted = await _accepted(received, about, user_id, key)
        except BaseException:
            await uploads.discard(received)
            raise
        if accepted.run.source != received.source:  # asked before
            await uploads.discard(received)
        return accepted

    async def _accepted(received: Upload, about: About, user_id: UUID, key: str | None) -> Accepted:
        asked = ImportRequest(
            import_id(user_id, f"content\0{received.sha256}", about.lineage),
            user_id,
            received.source,
            about.lineage,
        )
        said = f"{received.sha256}\0{about.pipeline}\0{about.lineage}\0{about.replace}"
        digest = hashlib.sha256(said.encode()).hexdigest()
        # A run that goes on has the same bytes already, and may be reading them.
        terms = Terms(
            pipeline=about.pipeline, replace=about.replace, keep_source=True, key=key, digest=digest
        )
        try:
            return await gateway.take(asked, terms)
        except StoreError:
            # It may have been taken, and only the answer lost: asked again, it is the same run.
            return await gateway.take(asked, terms)

    return routes


@dataclass(frozen=True, slots=True)
class _Export:
    """The export in a request: its bytes, and what is said of it."""

    pieces: AsyncIterator[bytes]
    name: str
    size: int | None
    query: Mapping[str, str]
    form: Form | None = None

    def said_before(self) -> About:
        """What is said of it before its first byte. Raises Problem (422)."""
        return self._said({} if self.form is None else self.form.before)

    def _said(self, said: Mapping[str, str]) -> About:
        if twice := self.query.keys() & said.keys():
            raise Problem(422, f"{min(twice)}: is in the query and in the form")
        return About.of({**self.query, **said})

    @classmethod
    async def begun(cls, request: Request) -> _Export:
        """Read a request as far as its export. Raises Problem, NotTakenError (422)."""
        query = dict(request.query_params)
        if len(query) < len(request.query_params.multi_items()):
            raise Problem(422, "the query names a field twice")
        named = query.pop("name", None)
        kind = request.headers.get("content-type", "")
        pieces = aiter(request.stream())
        if kind.partition(";")[0].strip().lower() == "multipart/form-data":
            form = Form(pieces, kind)
            name = await form.begin()
            return cls(aiter(form.file()), _short(named or name), None, query, form)
        options = parse_options_header(request.headers.get("content-disposition"))[1]
        name = named or options.get(b"filename", b"").decode("utf-8", "replace")
        length = request.headers.get("content-length")
        return cls(pieces, _short(name), int(length) if length else None, query)

    async def ended(self, user_id: UUID) -> About:
        """Read to the end; gives all that is said of it. Raises Problem, NotTakenError (422)."""
        if self.form is None:
            return self.said_before()
        await self.form.end()
        about = self._said(self.form.fields)
        if about.user_id not in (None, user_id):
            raise Problem(422, "user_id: must come before the file")
        return about


@contextmanager
def _told() -> Iterator[None]:
    """Has it told of storage, not of the database, where nothing can be kept now."""
    try:
        yield
    except StoreError as error:
        log.error("an upload could not be kept", stage="gateway", error=str(error))
        raise Problem(
            503, "the export cannot be kept now; nothing was taken, ask again", headers=AGAIN
        ) from None


def _short(name: str) -> str:
    """A name's end, where its suffix is, and no folders of another machine."""
    return name.replace("\\", "/").rpartition("/")[2][-NAME_CHARS:] or "export"
