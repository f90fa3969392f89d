"""Many imports with dead and missing chunks are mended by replays: of exactly those chunks. A thousand in
`make chaos`, a few in `make test`."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from shared.store.store import Store
from tests.chaos.fire import say
from tests.support.ops import CommandOf, command_of
from tests.support.replayed import (
    Chunk,
    LossySetting,
    Moody,
    Ops,
    all_ended,
    fail_stalled,
    is_lost,
    is_poison,
    newest,
    publish_imports,
    write_exports,
)
from tests.support.replayed_chunks import read_by
from tests.support.services import hosted

__all__ = ["command_of"]
NUMBERS = range(1000) if os.environ.get("CHAOS") else range(140, 160)
"""Number 153 has both a dead and a missing chunk."""
IMPORTS = len(NUMBERS)


def imports_of(chunks: set[Chunk]) -> set[UUID]:
    return {import_id for import_id, _ in chunks}


@pytest.fixture
def lossy(database: str, tmp_path: Path) -> LossySetting:
    return LossySetting(database, tmp_path)


async def test_exactly_the_dead_and_then_the_missing_chunks_are_read_again(
    lossy: LossySetting, store: Store, sql: asyncpg.Connection, tmp_path: Path, command_of: CommandOf
) -> None:
    sources, model = write_exports(tmp_path), Moody()
    async with hosted(lossy, extractor=read_by(model)) as host:
        events = await publish_imports(lossy, sources, NUMBERS)
        stalled = await fail_stalled(lossy, host, store, sql)
        chunks = {
            (row["import_id"], index) for row in await newest(sql) for index in range(row["chunks_total"])
        }
        dead, missing = set(filter(is_poison, chunks)), set(filter(is_lost, chunks))
        assert dead
        assert missing
        assert imports_of(dead) & imports_of(missing)
        assert stalled == len(imports_of(missing))
        lossy.mend()
        model.mended = True
        ops = Ops(command_of(lossy), store)
        said = f"{IMPORTS:,} imports of {len(chunks):,} chunks, {len(dead)} dead, {len(missing)} missing"
        for which, wanted in (("dead", dead), ("missing", missing)):
            model.asked.clear()
            plan = await ops.plan("--only", which)
            assert plan["chunks"] == len(wanted)
            assert plan["imports"] == len(imports_of(wanted))
            progress = await ops.run(plan)
            assert sorted(model.asked) == sorted(wanted), f"only {which}"
            # what lacks chunks still, too many for so small an import, fails until those are read, too
            lacking = imports_of(dead) & imports_of(missing) if which == "dead" else set()
            ends = {"done": plan["imports"] - len(lacking), "failed": len(lacking)}
            assert progress.items == {state: count for state, count in ends.items() if count}
            seconds = (progress.ended_at - progress.started_at).total_seconds()  # type: ignore[operator]
            said += f"; only {which}: {len(model.asked)} read of {plan['imports']} imports in {seconds:.0f} s"
        await all_ended(sql, events)
    assert {(row["state"], row["coverage"]) for row in await newest(sql)} == {("complete", 1.0)}
    facts = await sql.fetch(
        """SELECT i.import_id, i.chunks_total, count(DISTINCT f.chunk_index) AS read, count(*) AS facts
           FROM imports i JOIN facts f USING (import_id, run)
           WHERE f.account < first_joined() AND i.run = (
               SELECT max(n.run) FROM imports n WHERE n.import_id = i.import_id AND n.kind = 'primary')
           GROUP BY 1, 2"""
    )
    assert len(facts) == IMPORTS
    assert [row for row in facts if not row["chunks_total"] == row["read"] == row["facts"]] == []
    say(said)
