"""What replays of many imports cost at the stand-in of Claude: nothing where nothing changed, else what was
planned; and who is not replayed keeps every byte. tests/pipeline/test_replay_cost.py has it with a few."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.models.claude.prompts import Prompt
from shared.store.replays import ReplayRow, Stage
from shared.store.store import Store
from tests.chaos.fire import say
from tests.exports.generate import generate
from tests.exports.truth import Truth
from tests.pipeline.test_claude import with_claude
from tests.pipeline.test_replay_cost import HELD, SERVED, bill, planned
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.local import LocalSetting
from tests.support.replayed import all_ended, followed, newest, publish_imports
from tests.support.services import hosted

UNCHANGED = int(os.environ.get("CHAOS_IMPORTS", "1000"))
STALE, LEFT, FRESH, WITH_DEAD, CACHED, UNKNOWN = 220, 20, 40, 20, 30, 20
TUNING = {
    "chunk_tokens": 1500,
    "memory_tokens": 600,
    "sweep_seconds": 0.1,
    "min_coverage": 0.5,
    "fact_extraction_concurrency": 8,
}
OF_USERS = """
SELECT c.table_name, max(c.column_name) AS name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.column_name IN ('user_id', 'import_id')
GROUP BY 1 ORDER BY 1
"""
"""Tables with rows of users or else of imports."""


def exports(folder: Path, sizes: Sequence[int]) -> list[tuple[Path, Truth]]:
    """An export of each number of conversations, and what it holds."""
    paths = [folder / f"export-{size}.zip" for size in sizes]
    return [
        (path, generate(path, size, seed=size, average_bytes=3000))
        for path, size in zip(paths, sizes, strict=True)
    ]


def users_of(events: Sequence[ImportReceived]) -> list[UUID]:
    return [event.user_id for event in events]


async def taken_in(
    setting: LocalSetting, sql: asyncpg.Connection, sources: Sequence[Path], numbers: range
) -> list[ImportReceived]:
    """Imports of as many users, complete."""
    events = await publish_imports(setting, sources, numbers)
    await all_ended(sql, events)
    assert {row["state"] for row in await newest(sql)} == {"complete"}
    return events


async def run_plan(store: Store, row: ReplayRow) -> float:
    """The replay is run, and each import is done; how many seconds it took."""
    assert row.id is not None
    started = await store.start_replay(row.id, by="me", reason="a test")
    assert started is not None
    assert started.refusal is None
    progress = await followed(store, row.id)
    assert progress.items == {"done": row.figures.imports}
    return (progress.ended_at - progress.started_at).total_seconds()  # type: ignore[operator]


async def all_of(sql: asyncpg.Connection, events: Sequence[ImportReceived]) -> dict[str, str]:
    """A digest of all rows of these users, times and all, by table."""
    wanted = {"user_id": users_of(events), "import_id": [event.import_id for event in events]}
    return {
        table: await sql.fetchval(
            f"SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) || ' ' || count(*)"
            f" FROM public.{table} t WHERE t.{name} = ANY ($1)",
            wanted[name],
        )
        for table, name in await sql.fetch(OF_USERS)
    }


@pytest.fixture
def setting(database: str, tmp_path: Path) -> LocalSetting:
    return LocalSetting(database, tmp_path)


async def test_many_unchanged_imports_cost_no_call(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    sources = [path for path, _ in exports(tmp_path, (3, 9, 15, 25))]
    async with fake_claude() as fake:
        with_claude(setting, fake, sources[0], **TUNING)
        async with hosted(setting):
            users = users_of(await taken_in(setting, sql, sources, range(UNCHANGED)))
            held, served = await sql.fetchval(HELD, users), await sql.fetchval(SERVED, users)
            before, requests = bill(fake), fake.accounts.requests
            facts = await sql.fetchval("SELECT count(*) FROM facts")
            chunks = await sql.fetchval("SELECT count(*) FROM chunk_results")
            say(f"{UNCHANGED:,} imports: {chunks:,} chunks, {facts:,} facts, {before[0]:,} calls")
            stages: tuple[Stage, ...] = ("facts", "memory", "chunks")
            for stage in stages:
                row = await planned(setting, stage, "all")
                assert (row.figures.imports, row.figures.calls, row.figures.dollars) == (UNCHANGED, 0, 0)
                seconds = await run_plan(store, row)
                say(f"stage {stage}: {fake.accounts.requests - requests} calls, in {seconds:.0f} s")
                assert (bill(fake), fake.accounts.requests) == (before, requests), stage
                assert await sql.fetchval(HELD, users) == held, stage
                assert await sql.fetchval(SERVED, users) == served, stage


@dataclass(frozen=True)
class Kind:
    """Imports of one kind: what was planned for them, and what they cost."""

    name: str
    events: Sequence[ImportReceived]

    async def tell(self, sql: asyncpg.Connection, plan: UUID) -> None:
        """Say it."""
        imports = [event.import_id for event in self.events]
        row = await sql.fetchrow(
            """SELECT sum(x.calls), sum(x.cost), (
                   SELECT sum(u.calls) FROM run_usage u WHERE u.run = 2 AND u.import_id = ANY ($2)), (
                   SELECT sum(u.cost) FROM run_usage u WHERE u.run = 2 AND u.import_id = ANY ($2))
               FROM replay_items x WHERE x.replay_id = $1 AND x.import_id = ANY ($2)""",
            plan,
            imports,
        )
        assert row is not None
        say(
            f"  {len(imports)} {self.name}: {row[0]:,} calls and ${row[1]:.4f} planned,"
            f" {row[2]:,} and ${row[3]:.4f} made"
        )


async def mix_up(sql: asyncpg.Connection, cached: Kind, unknown: Kind, versions: tuple[str, str]) -> None:
    """Of some, half of the chunks were read by the new prompts already; of others no usage is known."""
    assert await sql.fetchval(
        """WITH put AS (
               INSERT INTO extraction_cache
               SELECT (jsonb_populate_record(c, jsonb_build_object('prompt_version', $3::text))).*
               FROM extraction_cache c
               WHERE user_id = ANY ($1) AND prompt_version = $2 AND md5(content_hash) < '8' RETURNING 1)
           SELECT count(*) FROM put""",
        users_of(cached.events),
        *versions,
    )
    for table in ("imports", "chunk_results", "extraction_cache"):
        await sql.execute(
            f"UPDATE {table} SET usage = '{{}}' WHERE user_id = ANY ($1)", users_of(unknown.events)
        )


async def test_changed_prompts_cost_what_was_planned_and_leave_others_alone(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = exports(tmp_path, (3, 6, 9, 12, 20, 40))
    sources = [path for path, _ in made]
    async with fake_claude() as fake:
        with_claude(setting, fake, sources[0], **TUNING)
        async with hosted(setting):
            fake.refused_while = made[-1][1].planted[0].marker
            dead = Kind("with a dead chunk", await taken_in(setting, sql, sources[-1:], range(WITH_DEAD)))
            fake.refused_while = None
            rest = await taken_in(setting, sql, sources, range(WITH_DEAD, STALE))
        assert sum(row["chunks_dead"] > 0 for row in await newest(sql)) == WITH_DEAD
        cached, unknown = Kind("cached in part", rest[:CACHED]), Kind("of no known usage", rest[-UNKNOWN:])
        others = Kind("others", rest[CACHED:-UNKNOWN])
        plain = Prompt.hash
        monkeypatch.setattr(Prompt, "hash", lambda self, model: f"{plain(self, model)}-changed")
        setting.lose_log()
        async with hosted(setting):
            fresh = await taken_in(setting, sql, sources, range(STALE, STALE + FRESH))
            versions = await sql.fetch(
                "SELECT prompt_version FROM extraction_cache GROUP BY 1 ORDER BY min(created_at)"
            )
            old, new = (version for (version,) in versions)
            await mix_up(sql, cached, unknown, (old, new))
            left = rest[CACHED : CACHED + LEFT]
            chosen = [event for event in (*dead.events, *rest) if event not in left]
            assert (await planned(setting, "facts", "stale")).figures.imports == STALE
            row = await planned(setting, "facts", "stale", users_of(chosen))
            assert row.id is not None
            items = await store.list_replay_items(row.id, limit=2 * STALE)
            assert {item.user_id for item in items} == {*users_of(chosen)}
            assert len(items) == row.figures.imports == STALE - LEFT
            assert row.figures.cached > CACHED
            kept, kept_stale = await all_of(sql, fresh), await all_of(sql, left)
            rows = {table: int(digest.split()[1]) for table, digest in kept.items()}
            assert (
                min(rows[table] for table in ("imports", "facts", "user_profiles", "writing_cache")) >= FRESH
            )
            before = bill(fake)
            seconds = await run_plan(store, row)
            calls, out = bill(fake)[0] - before[0], bill(fake)[1] - before[1]
            spent = await sql.fetchrow(
                "SELECT sum(calls), sum(output_tokens), sum(cost) FROM run_usage WHERE run = 2"
            )
            assert spent is not None
            assert tuple(spent)[:2] == (calls, out), "all that the stand-in served is on somebody's bill"
            figures = row.figures
            say(
                f"{len(items)} stale imports of {figures.chunks:,} chunks, {figures.cached} cached, in"
                f" {seconds:.0f} s: {figures.calls:,} calls and ${figures.dollars:.4f} planned, {calls:,} and"
                f" ${spent[2]:.4f} made"
            )
            for kind in (dead, cached, unknown, others):
                await kind.tell(sql, row.id)
            assert await all_of(sql, left) == kept_stale
            assert await all_of(sql, fresh) == kept
            assert figures.calls == pytest.approx(calls, rel=0.02)
            assert figures.dollars == pytest.approx(float(spent[2]), rel=0.1)
            row = await planned(setting, "facts", "stale")
            assert row.figures.imports == LEFT
            await run_plan(store, row)
            assert (await planned(setting, "facts", "stale")).figures.imports == 0
            assert await all_of(sql, fresh) == kept
    assert {r["coverage"] for r in await newest(sql)} == {1.0}
    assert await sql.fetchval("SELECT count(*) FROM imports") == 2 * STALE + FRESH
