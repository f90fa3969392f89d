"""Runs of every kind on the log, and what the app's pages show of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared.domain.events import Coverage, ImportReceived, MemoryReady, Usage
from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKind
from shared.store.accepting import AcceptedRun
from shared.store.chunks import Chunking
from shared.store.driving import Taken
from shared.store.profiles import Commit
from shared.store.store import Store
from tests.support.records import ANNA, IMPORT, memory_of, result_of, with_matter

BEGAN = datetime.now(UTC) - timedelta(hours=1)
COUNTS = {"conversations": {"kept": 7}, "messages": 30}


def event_of(run: int = 1, kind: RunKind = RunKind.PRIMARY, **changes: Any) -> ImportReceived:
    """The event of a run of ANNA's IMPORT, or of what goes beside it; a later run was requested later."""
    parent = changes.pop("of", IMPORT)
    beside = {RunKind.QUICK: quick_id(parent), RunKind.SHADOW: shadow_id(parent, "v2")}
    fields: dict[str, Any] = {
        "import_id": beside.get(kind, parent),
        "parent_id": parent if kind in beside else None,
        "user_id": ANNA,
        "run": run,
        "kind": kind,
        "source": "/a.zip",
        "requested_at": BEGAN + timedelta(seconds=run),
    }
    return ImportReceived(**(fields | changes))


def lane_of(kind: RunKind) -> str:
    """The pipeline of such runs."""
    return "v1" if kind in (RunKind.QUICK, RunKind.FALLBACK) else "v2"


async def request(store: Store, pipeline: str, import_id: UUID = IMPORT, **how: Any) -> AcceptedRun:
    """ANNA asks for an import in this pipeline."""
    taken = await store.accept_import(
        import_id, ANNA, "/a.zip", pipeline, pipeline=pipeline, profile_format="app", **how
    )
    assert isinstance(taken, AcceptedRun)
    return taken


async def take(
    store: Store, event: ImportReceived, *, pipeline: str | None = None, variant: str = "a", form: str = "app"
) -> Taken:
    """The run begins, or goes on, as the services of its lane have it."""
    lane = pipeline or lane_of(event.kind)
    return await store.take_run(event, lane, variant, profile_format=form)  # type: ignore[arg-type]


async def extracted(store: Store, event: ImportReceived, **reading: Any) -> None:
    """Both of its chunks are in; `reading` is what else the reading found."""
    await store.finish_chunking(event.import_id, event.run, Chunking(2, counts=COUNTS, **reading))
    for index in range(2):
        result = result_of(index, import_id=event.import_id, run=event.run)
        await store.record_chunks([with_matter(result)], model="offline", prompt_version="v1")


def written(event: ImportReceived, **changes: Any) -> MemoryReady:
    """What comes of it: sections, and a MEMORY where its kind makes one."""
    lane = changes.pop("pipeline", lane_of(event.kind))
    fields: dict[str, Any] = {
        "import_id": event.import_id,
        "pipeline": lane,
        "memory_md": None if lane == "v1" else f"# Memory {event.run}",
        "coverage": Coverage(ok=2, dead=0, total=2),
        "usage": Usage(calls=1, cost=1.0 if lane == "v1" else 5.0),
    }
    return memory_of(event.run, **(fields | changes))


def sections(name: str) -> dict[str, Any]:
    """Documents of one section that says whose it is."""
    return {"markdown": {"soul": f"# {name}"}, "app": {"soul": f'{{"boundaries": "{name}"}}'}}


async def commit(
    store: Store, event: ImportReceived, name: str | None = None, *, form: str = "app", **how: Any
) -> Commit:
    """The writer commits it; its only section says `name`, by default its kind."""
    changes = {key: how.pop(key) for key in ("pipeline", "memory_md", "user_id", "edition") if key in how}
    return await store.commit_memory(
        written(event, **changes),
        documents=sections(name or event.kind),
        profile_format=form,  # type: ignore[arg-type]
        notify=True,
        **how,
    )


async def fail(store: Store, event: ImportReceived, why: str = "no model answers", **how: Any) -> bool:
    return await store.fail_run(event.import_id, event.run, "extracting", why, **how)


async def posted(store: Store, event: ImportReceived) -> UUID:
    """The predecessor is called for a run; the token of the call."""
    assert await store.owe_v1_call(event.import_id, event.run)
    token = uuid4()
    assert await store.take_v1_call(token, 2) is not None
    return token


async def shown(sql: asyncpg.Connection, user: UUID = ANNA) -> dict[str, Any]:
    """The profile as it stands."""
    row = await sql.fetchrow("SELECT * FROM user_profiles WHERE user_id = $1", user)
    assert row is not None
    return dict(row)


async def page(sql: asyncpg.Connection) -> tuple[Any, ...]:
    """What the import page asks for."""
    row = await shown(sql)
    return row["import_status"], row["import_stage"], row["progress_percent"], row["import_error"]


async def full_pass(sql: asyncpg.Connection) -> tuple[Any, ...]:
    """What the chat page asks for, and how the MEMORY is."""
    row = await shown(sql)
    return row["full_pass_status"], row["full_pass_error"], row["memory_status"]


async def soul(sql: asyncpg.Connection) -> str | None:
    """Whose section is shown."""
    told = (await shown(sql))["soul_md"]
    return None if told is None else str(told).split('"')[-2] if told.startswith("{") else told[2:]


async def owed(sql: asyncpg.Connection) -> list[tuple[UUID, str]]:
    """Calls of the app, of which import and kind."""
    return [tuple(row) for row in await sql.fetch("SELECT import_id, kind FROM callbacks ORDER BY kind DESC")]


async def runs_of(sql: asyncpg.Connection, import_id: UUID = IMPORT) -> list[tuple[Any, ...]]:
    """Run, kind, pipeline and state of each."""
    rows = await sql.fetch(
        "SELECT run, kind, pipeline, state FROM imports WHERE import_id = $1 ORDER BY run", import_id
    )
    return [tuple(row) for row in rows]
