"""Imports as they were left, for those who plan to do them again: put into the tables as they would lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared.store.replays import ReplayRow
from shared.store.store import Store

MODEL = "claude-haiku-5-5"
PROMPTS = "extract-v1-now"
WRITING = "write-now"
BEFORE = "extract-v1-before"
VARIANT = '{"chunk_tokens": 4000, "context_chars": 600}'
ASKED_AT = datetime(2026, 3, 1, tzinfo=UTC)
RATES: dict[str, Any] = {
    "call": {"calls": 1, "input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 500},
    "token": [1.5, 0.1],
    "price": {
        "input_tokens": 1e-6, "output_tokens": 5e-6, "cache_read_tokens": 1e-7, "cache_write_tokens": 1.25e-6,
    },
    "writing": [
        [0, {"calls": 1, "input_tokens": 1000, "output_tokens": 100}],
        [100, {"calls": 3, "input_tokens": 3000, "output_tokens": 1100}],
    ],
}  # fmt: skip


def usage(calls: int = 1, tokens_in: int = 4000, out: int = 200, **more: int) -> dict[str, Any]:
    """What calls took."""
    return {"calls": calls, "input_tokens": tokens_in, "output_tokens": out, "cost": 0.01, **more}


@dataclass(frozen=True)
class Chunk:
    """A chunk of a run: what became of it, and what is known of it."""

    fate: str = "ok"
    """ok, dead, missing (a replay passed it over), absent (it has no result)."""
    tokens: int = 4000
    took: dict[str, Any] | None = None
    in_cache: Sequence[str] = ()
    """Under which prompt versions."""
    cached_took: dict[str, Any] | None = None


OK, DEAD, ABSENT = Chunk(), Chunk("dead"), Chunk("absent")
_ERRORS = {"dead": "the model refused", "missing": "missing: it had no result in run 1"}


async def imported(
    sql: asyncpg.Connection,
    *chunks: Chunk,
    user_id: UUID | None = None,
    import_id: UUID | None = None,
    run: int = 1,
    counts: bool = True,
    read: bool = True,
    readers: Sequence[tuple[str, str]] = ((MODEL, BEFORE),),
    facts: int = 50,
    wrote: dict[str, Any] | None = None,
    **columns: Any,
) -> UUID:
    """A run of an import, complete and served unless it is said otherwise."""
    import_id, user_id = import_id or uuid4(), user_id or uuid4()
    there = [chunk for chunk in chunks if chunk.fate != "absent"]
    ok = sum(chunk.fate == "ok" for chunk in there)
    values: dict[str, Any] = {
        "import_id": import_id, "run": run, "user_id": user_id, "pipeline": "v2", "source": "b/p",
        "on_log": True, "state": "complete", "variant": VARIANT, "requested_at": ASKED_AT,
        "chunks_total": len(chunks), "chunks_ok": ok, "chunks_dead": len(there) - ok,
        "chunked_at": ASKED_AT if read else None,
        "readers": json.dumps([{"model": m, "prompt_version": p} for m, p in readers]),
        "fact_counts": json.dumps({"kept": facts}), "usage": json.dumps(wrote or {}), "begun_at": ASKED_AT,
    } | columns  # fmt: skip
    places = ", ".join(f"${n + 1}" for n in range(len(values)))
    await sql.execute(f"INSERT INTO imports ({', '.join(values)}) VALUES ({places})", *values.values())
    for index, chunk in enumerate(chunks):
        if chunk.fate == "absent":
            continue
        name = f"{import_id}-{index}" if chunk.fate != "missing" else ""
        await sql.execute(
            "INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status,"
            " error, tokens, usage) VALUES ($1, $2, $3, gen_random_uuid(), $4, $5, $6, $7, $8, $9)",
            import_id, run, index, user_id, name, "ok" if chunk.fate == "ok" else "dead",
            _ERRORS.get(chunk.fate), chunk.tokens, json.dumps(chunk.took) if chunk.took else None,
        )  # fmt: skip
        for version in chunk.in_cache:
            await sql.execute(
                "INSERT INTO extraction_cache (user_id, content_hash, model, prompt_version, facts, usage)"
                " VALUES ($1, $2, $3, $4, '[]', $5)",
                user_id, name, MODEL, version, json.dumps(chunk.cached_took or {}),
            )  # fmt: skip
    if counts:
        await sql.execute(
            "INSERT INTO lineages (user_id, lineage, vendor, import_id, run)"
            " VALUES ($1, $2::uuid::text, 'chatgpt', $2::uuid, $3)"
            " ON CONFLICT (user_id, lineage) DO UPDATE SET run = excluded.run",
            user_id, import_id, run,
        )  # fmt: skip
    return import_id


async def plan(
    store: Store, *which: str, stage: str = "facts", by: str = "me", rates: Any = RATES, **selection: Any
) -> ReplayRow:
    """A plan as `soulprint replay plan` makes it."""
    return await store.plan_replay(
        uuid4(),
        stage=stage,  # type: ignore[arg-type]
        which=which or ("all",),  # type: ignore[arg-type]
        selection={name: [str(each) for each in value] if isinstance(value, list) else value
                   for name, value in selection.items()},
        pipeline="v2",
        model=MODEL,
        prompt_version=PROMPTS,
        by=by,
        rates=rates,
        variant=VARIANT,
        writing_version=WRITING,
    )  # fmt: skip


async def planned_imports(store: Store, row: ReplayRow) -> set[UUID]:
    """The imports of a plan."""
    assert row.id is not None
    return {item.import_id for item in await store.list_replay_items(row.id, limit=10_000)}
