"""A run, its quick one and its fallback in any order: what the pages show holds together at every step."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from shared.domain.runs import RunKey, RunKind
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import commit, event_of, extracted, fail, page, runs_of, soul, take
from tests.support.records import IMPORT

MAIN, QUICK, FALLBACK = event_of(), event_of(kind=RunKind.QUICK), event_of(2, RunKind.FALLBACK)
STEPS = 24
RANK = {None: 0, "quick": 1, "fallback": 2, "primary": 3}
OVER = {"quick_ready", "complete"}
Step = Callable[[], Awaitable[object]]


def steps(store: Store) -> list[Step]:
    """What may come at any moment, also twice, or when it is too late."""

    async def works() -> None:
        await extracted(store, MAIN)
        await store.note_progress([RunKey(IMPORT, 1)])

    async def consolidates() -> None:
        await store.claim_run(IMPORT, 1, "me", 60)
        await store.mark_published(IMPORT, 1)

    async def falls_back() -> None:
        if [run for run in await store.list_runs(IMPORT) if run.run == 2]:
            await take(store, FALLBACK)

    return [
        lambda: take(store, MAIN),
        lambda: take(store, QUICK),
        lambda: store.update_progress(IMPORT, 1, 20.0, "chunking"),
        lambda: store.update_progress(QUICK.import_id, 1, 20.0, "sampling"),
        works,
        consolidates,
        lambda: commit(store, MAIN),
        lambda: commit(store, QUICK),
        lambda: fail(store, QUICK),
        falls_back,
        falls_back,
        lambda: commit(store, FALLBACK),
        lambda: fail(store, FALLBACK),
        lambda: fail(store, MAIN),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
async def test_whatever_comes_first(store: Store, sql: asyncpg.Connection, seed: int) -> None:
    chosen = random.Random(seed)
    await take(store, MAIN)
    before: tuple[Any, ...] = await page(sql)
    rank = 0
    for _ in range(STEPS):
        await chosen.choice(steps(store))()
        status, _, percent, error = now = await page(sql)
        runs = {kind: state for _, kind, _, state in await runs_of(sql)}
        assert before[2] <= percent, (before, now)
        assert before[0] not in OVER or status in OVER, (before, now)
        assert before[0] != "complete" or status == "complete", (before, now)
        assert (status == "failed") == (error is not None)
        shown = RANK[await soul(sql)]
        assert rank <= shown, "better sections are never taken away"
        if status == "failed":
            assert shown == 0
            assert runs.get("fallback", "failed") == "failed"
        assert (status in OVER) == (shown > 0)
        main = runs["primary"]
        expected = {"failed": "failed", "complete": "complete"}.get(main, "processing")
        assert (await kinds.full_pass(sql))[0] == expected
        before, rank = now, shown
