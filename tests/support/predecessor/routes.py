"""The predecessor's routes, in the union of its three forms, and what they reply.

What it does behind them is left out, but for what a caller can see of it: which GETs write.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

from fastapi import BackgroundTasks, FastAPI, HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from tests.support.predecessor.models import (
    Conversations,
    CreateSoulprint,
    ImportFull,
    ProcessFull,
    ProcessFullOfHead,
    Query,
    RetryFullPass,
)
from tests.support.predecessor.state import State

Form = Literal["full", "head", "app", "union"]
"""Which of its forms; `union` has every route, as in full."""
ROUTES: Final[dict[str, frozenset[str]]] = {
    "head": frozenset({"/process-full", "/health", "/health-deep", "/status"}),
    "app": frozenset({"/import-full", "/retry-full-pass", "/query", "/health", "/create-soulprint"}),
}
"""Those of the forms that have few. How many is known; which, of the app's calls only."""
NOT_IN_FULL: Final = frozenset({"/retry-full-pass"})
NOTICE: Final = "/process-full is deprecated. Use /process-full-v2."

ENDS: Final = {
    "Deprecation": "true",
    "Sunset": "Sat, 01 Mar 2026 00:00:00 GMT",
    "Link": '</process-full-v2>; rel="successor-version"',
}
"""No date, and a wrong day of the week, as it has it."""


def make_app(state: State, form: Form) -> FastAPI:
    """The predecessor as an ASGI application."""
    app = FastAPI(strict_content_type=False)  # it is older than the rule that a body says what it is
    if form != "head":  # which lists a wildcard that matches nothing
        app.add_middleware(
            CORSMiddleware,
            allow_origin_regex=".*",
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
        )
    _imports(app, state, form)
    _chat(app, state)
    _looks(app, state)
    few = ROUTES.get(form)
    app.router.routes[:] = [
        route
        for route in app.router.routes
        if isinstance(route, APIRoute) and _offered(route.path.partition("/{")[0], few, form)
    ]
    return app


def _offered(path: str, few: frozenset[str] | None, form: Form) -> bool:
    return (few is None or path in few) and not (form == "full" and path in NOT_IN_FULL)


def _imports(app: FastAPI, state: State, form: Form) -> None:
    """What takes exports."""

    async def full(body: ProcessFull, response: Response) -> dict[str, Any]:
        state.begin(body)
        response.headers.update(ENDS)
        return {
            "status": "processing",
            "message": "Processing started",
            "user_id": body.user_id,
            "conversation_count": body.conversation_count,
            "job_id": state.next_job(),
            "deprecation_notice": NOTICE,
        }

    async def of_head(body: ProcessFullOfHead) -> dict[str, Any]:
        state.begin(body)
        return {"status": "accepted", "message": "Processing started", "deprecation_notice": NOTICE}

    app.post("/process-full")(of_head if form == "head" else full)

    @app.post("/process-full-v2")
    async def process_full_v2(body: ProcessFull) -> dict[str, Any]:
        if not body.storage_path:
            raise HTTPException(400, "storage_path is required")
        state.begin(body)
        return {
            "status": "processing",
            "version": "v2",
            "message": "Processing started",
            "user_id": body.user_id,
            "conversation_count": body.conversation_count,
            "job_id": state.next_job(),
        }

    @app.post("/import-full", status_code=202)
    async def import_full(body: ImportFull, tasks: BackgroundTasks) -> dict[str, Any]:
        state.begin(body)
        if state.on_import is not None:
            tasks.add_task(state.on_import, body)
        return {"status": "accepted", "message": "Import started"}

    @app.post("/retry-full-pass", status_code=202)
    async def retry_full_pass(body: RetryFullPass) -> dict[str, Any]:
        state.begin(body)
        return {"status": "accepted", "message": "Full pass started"}


def _chat(app: FastAPI, state: State) -> None:
    """What it does with what it made."""

    @app.post("/query")
    @app.post("/chat")
    async def query(body: Query) -> dict[str, Any]:
        return {"answer": f"You said: {body.message}", "user_id": body.user_id}

    @app.post("/create-soulprint")
    async def create_soulprint(body: CreateSoulprint) -> dict[str, Any]:
        return {"status": "ok", "count": len(body.conversations)}

    @app.post("/analyze")
    @app.post("/process-import")
    @app.post("/embed-chunks")
    async def with_conversations(body: Conversations) -> dict[str, Any]:
        return {"status": "ok", "count": len(body.conversations)}

    @app.post("/complete-embeddings/{user_id}")
    async def complete_embeddings(user_id: str) -> dict[str, Any]:
        return {"status": "processing", "user_id": user_id}

    @app.get("/embedding-status/{user_id}")
    async def embedding_status(user_id: str) -> dict[str, Any]:
        return {"user_id": user_id, "total": 0, "embedded": 0}

    @app.get("/generate-soulprint/{user_id}")
    async def generate_soulprint(user_id: str) -> dict[str, Any]:
        state.written.append(f"profile of {user_id}")
        return {"status": "ok", "user_id": user_id}


def _looks(app: FastAPI, state: State) -> None:
    """How it is."""

    @app.get("/health")
    async def health() -> dict[str, Any]:
        if not state.healthy:
            raise HTTPException(503, "processors are not available")
        return {
            "status": "healthy",
            "service": "soulprint-rlm",
            "processors_available": True,
            "timestamp": datetime.now(UTC).isoformat(),
        }

    @app.get("/health-deep")
    async def health_deep() -> dict[str, Any]:
        return {"status": "healthy", "database": True}

    @app.get("/status")
    async def status() -> dict[str, Any]:
        return {"jobs": state.jobs}

    @app.get("/test-embed")
    async def test_embed() -> dict[str, Any]:
        return {"dimensions": 768}

    @app.get("/test-patch")
    async def test_patch() -> dict[str, Any]:
        state.written.append("row inserted and deleted")
        return {"status": "ok"}
