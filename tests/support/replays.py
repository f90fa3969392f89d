"""Replays in the store as tests want them: planned by hand, and driven step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg

from shared.domain.events import ChunkStatus, Coverage, FactCounts, ImportReceived, Usage
from shared.domain.facts import Fact
from shared.store.chunks import Chunking, ReadAccount
from shared.store.replaying import DRIVER, BegunRun
from shared.store.store import Store
from tests.support.kinds import event_of, sections, take, written
from tests.support.records import ANNA, IMPORT, MODEL, PROMPTS, SEED, fact_of, result_of, with_matter

OWNER = "driver"


@dataclass(frozen=True)
class Item:
    """An import of a plan, with what it is reckoned to cost."""

    import_id: UUID = IMPORT
    user_id: UUID = ANNA
    base_run: int = 1
    cost: float | None = 0.0
    calls: int = 0


async def planned(
    sql: asyncpg.Connection,
    *items: Item,
    stage: str = "memory",
    which: Sequence[str] = ("all",),
    state: str = "running",
    **columns: Any,
) -> UUID:
    """A replay of these imports, which runs unless it is said otherwise."""
    replay_id = uuid4()
    values: dict[str, Any] = {
        "id": replay_id, "stage": stage, "which": list(which), "state": "planned", "pipeline": "v2",
        "model": MODEL, "prompt_version": PROMPTS, "reason": "a test",
    } | columns  # fmt: skip
    names = ", ".join(values)
    places = ", ".join(f"${n + 1}" for n in range(len(values)))
    await sql.execute(f"INSERT INTO replays ({names}) VALUES ({places})", *values.values())
    for position, item in enumerate(items):
        await sql.execute(
            "INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run, cost, calls)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            replay_id, position, item.import_id, item.user_id, item.base_run, item.cost, item.calls,
        )  # fmt: skip
    if state == "running":  # at last: somebody may drive already
        await sql.execute(
            "UPDATE replays SET state = 'running', started_at = now(), resumed_at = now() WHERE id = $1",
            replay_id,
        )
    return replay_id


async def drive(store: Store, owner: str = OWNER) -> list[BegunRun]:
    """Go on with all replays as far as they go now; the runs that were begun."""
    assert await store.take_lease(DRIVER, owner, 60)
    begun = []
    while True:
        step = await store.advance_replays(owner)
        assert step.leads
        if step.begun is not None:
            begun.append(step.begun)
        if not step.moved:
            return begun


async def states(sql: asyncpg.Connection, replay_id: UUID) -> list[tuple[str, str | None]]:
    """State of each import, and why."""
    rows = await sql.fetch(
        "SELECT state, why FROM replay_items WHERE replay_id = $1 ORDER BY position", replay_id
    )
    return [tuple(row) for row in rows]


async def replay_state(sql: asyncpg.Connection, replay_id: UUID) -> tuple[str, str | None]:
    """Its state, and why it is paused."""
    row = await sql.fetchrow("SELECT state, paused_why FROM replays WHERE id = $1", replay_id)
    assert row is not None
    return row["state"], row["paused_why"]


DEAD = ChunkStatus.DEAD
OK = ChunkStatus.OK


async def base(
    store: Store,
    event: ImportReceived | None = None,
    *,
    chunks: Sequence[tuple[ChunkStatus, Sequence[str]] | None] = ((OK, ("a", "b")), (OK, ("c",))),
    status: str = "complete",
    form: str = "markdown",
    accounts: Sequence[ReadAccount] = (),
    finish: bool = True,
) -> ImportReceived:
    """A run as it ended: of each chunk its fate and the names of its facts; None: it has no result."""
    event = event or event_of()
    await take(store, event, form=form)
    for index, chunk in enumerate(chunks):
        if chunk is not None:
            await record(store, event, index, [fact_of(name) for name in chunk[1]], status=chunk[0])
    if finish:
        await store.finish_chunking(
            event.import_id, event.run, Chunking(len(chunks), accounts=list(accounts))
        )
    await end(store, event, status=status, form=form)
    return event


async def record(
    store: Store, event: ImportReceived | BegunRun, index: int, facts: Sequence[Fact] = (), **changes: Any
) -> None:
    """A chunk's result comes in."""
    if changes.get("status") is DEAD:
        changes = {"error": "the model refused"} | changes
    result = result_of(
        index, facts, import_id=event.import_id, user_id=event.user_id, run=event.run, tokens=10, **changes
    )
    await store.record_chunks([with_matter(result)], model=MODEL, prompt_version=PROMPTS)


async def end(
    store: Store,
    event: ImportReceived | BegunRun,
    *,
    status: str = "complete",
    form: str = "markdown",
    **memory: Any,
) -> str | None:
    """The run is consolidated and committed as its chunks say; why its memory is not served."""
    claim = await store.claim_run(event.import_id, event.run, "me", 60)
    run = await store.read_run(event.import_id, event.run)
    assert run is not None
    total = run.chunks_total or 0
    facts = len(await store.read_facts(event.import_id, event.run))
    told: dict[str, Any] = {
        "coverage": Coverage(ok=run.chunks_ok, dead=total - run.chunks_ok, total=total),
        "facts": FactCounts(extracted=facts, kept=facts),
        "user_id": event.user_id,
        "edition": claim.edition,
    }
    made = written(run_event(event), **(told | memory))
    done = await store.commit_memory(
        made,
        documents=sections(f"run {event.run}"),
        profile_format=form,  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        error=None if status == "complete" else {"step": "consolidating", "message": "too few chunks"},
        notify=True,
    )
    return done.reason


def run_event(run: ImportReceived | BegunRun) -> ImportReceived:
    """The event of a run."""
    return event_of(run.run, import_id=run.import_id, user_id=run.user_id)


async def read_again(
    store: Store,
    run: BegunRun,
    chunks: dict[int, tuple[ChunkStatus, Sequence[str]]],
    *,
    form: str = "markdown",
) -> None:
    """The services take a run of a replay up, and these chunks of it come in."""
    assert (await take(store, run_event(run), form=form)).refusal is None
    for index, (status, facts) in chunks.items():
        await record(store, run, index, [fact_of(name) for name in facts], status=status)


async def begun(store: Store, sql: asyncpg.Connection, *items: Item, **how: Any) -> BegunRun:
    """The only run that a new replay, by default of ANNA's IMPORT, has begun."""
    await planned(sql, *(items or (Item(),)), **how)
    (run,) = await drive(store)
    return run


async def refused(store: Store, sql: asyncpg.Connection, *items: Item, **how: Any) -> str | None:
    """Why a new replay of one import begins no run."""
    replay_id = await planned(sql, *(items or (Item(),)), **how)
    assert await drive(store) == []
    ((state, why),) = await states(sql, replay_id)
    assert state == "skipped"
    return why


async def facts_in(sql: asyncpg.Connection, run: int, import_id: UUID = IMPORT) -> list[str]:
    """What the facts of a run say."""
    rows = await sql.fetch(
        "SELECT statement FROM facts WHERE import_id = $1 AND run = $2 ORDER BY 1", import_id, run
    )
    return [row[0].removeprefix("The person said ").rstrip(".") for row in rows]


async def bases(
    store: Store, count: int, name: str = "replayed", **costs: Sequence[float | None]
) -> list[Item]:
    """Imports of as many users, complete; what each is reckoned to cost."""
    items = []
    cost = costs.get("cost", [0.0] * count)
    for number in range(count):
        event = event_of(
            import_id=uuid5(SEED, f"{name} {number}"), user_id=uuid5(SEED, f"{name} user {number}")
        )
        await base(store, event, chunks=[(OK, (f"a{number}",))])
        items.append(Item(event.import_id, event.user_id, 1, cost[number], 1))
    return items


async def ends(store: Store, run: BegunRun, cost: float = 0.0) -> None:
    """The run ends, having cost so much."""
    if not run.ready:
        await read_again(store, run, {0: (OK, (f"again {run.import_id}",))})
    assert await end(store, run, usage=Usage(calls=3, cost=cost)) is None
