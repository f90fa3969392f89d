"""What a replay costs at the stand-in of Claude: nothing where nothing changed, else what was planned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from shared.models.claude.prompts import Prompt
from shared.store.replays import ReplayRow, Stage, Which
from shared.store.store import Store
from soulprint.replay.planning import make_plan
from tests.exports.generate import generate
from tests.pipeline.test_claude import with_claude
from tests.pipeline.test_replays import followed
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.server import FakeClaude
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

IMPORTS = 20
HELD = """
SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM (
    SELECT f.import_id, f.fact_id, f.account, f.user_id, f.category, f.matter, f.statement, f.quote,
           f.message_ids, f.conversation_id, f.stated_at, f.valid_from, f.valid_until, f.confidence,
           f.source_kind, f.chunk_index, f.status, f.support, f.superseded_by, f.merged_into, i.fact_counts
    FROM facts f JOIN imports i USING (import_id, run)
    WHERE f.user_id = ANY ($1)
      AND i.run = (SELECT max(n.run) FROM imports n WHERE n.import_id = i.import_id)) t
"""
SERVED = """
SELECT md5(string_agg(t::text, E'\\n' ORDER BY t.user_id)) FROM (
    SELECT user_id, soul_md, identity_md, user_md, agents_md, tools_md, memory_md, soulprint_text
    FROM user_profiles WHERE user_id = ANY ($1)) t
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Some exports of a few chunks each, and one with more facts than MEMORY has room for."""
    folder = tmp_path_factory.mktemp("cost")
    made = []
    for number, conversations in enumerate((6, 9, 12, 40)):
        made.append(folder / f"export-{number}.zip")
        generate(made[-1], conversations, seed=number + 1, average_bytes=3000)
    return made


async def imported(
    setting: LocalSetting, store: Store, sources: Sequence[Path], count: int = IMPORTS
) -> list[UUID]:
    """The users, one an import."""
    events = [await setting.import_of(sources[n % len(sources)]) for n in range(count)]
    for event in events:
        assert (await ended(store, event)).state == "complete"
    return [event.user_id for event in events]


async def planned(setting: LocalSetting, stage: Stage, which: Which, users: Sequence[UUID] = ()) -> ReplayRow:
    row, _ = await make_plan(
        setting.settings(), stage, [which], {"users": list(map(str, users))} if users else {}, "me"
    )
    return row


async def replayed(store: Store, row: ReplayRow) -> None:
    assert row.id is not None
    started = await store.start_replay(row.id, by="me", reason="a test")
    assert started is not None
    assert started.refusal is None
    progress = await followed(store, row.id, seconds=120)
    assert progress.items == {"done": row.figures.imports}


def bill(fake: FakeClaude) -> tuple[int, int]:
    """Calls, and tokens out."""
    told = fake.told()
    return told["calls"], told["output_tokens"]


async def spent(sql: asyncpg.Connection, run: int) -> float:
    return float(await sql.fetchval("SELECT sum(cost) FROM run_usage WHERE run = $1", run))


@pytest.mark.slow
async def test_unchanged_imports_cost_no_call_and_changed_prompts_what_was_planned(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    sources: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fake_claude() as fake:
        with_claude(setting, fake, sources[0], chunk_tokens=1500, memory_tokens=600, sweep_seconds=0.1)
        async with hosted(setting):
            users = await imported(setting, store, sources)
            held, served = await sql.fetchval(HELD, users), await sql.fetchval(SERVED, users)
            before = bill(fake)
            stages: tuple[Stage, ...] = ("facts", "memory", "chunks")
            for stage in stages:
                row = await planned(setting, stage, "all")
                figures = row.figures
                assert (figures.imports, figures.calls, figures.dollars) == (IMPORTS, 0, 0), stage
                assert figures.chunks == figures.cached > 3 * IMPORTS or stage == "memory"
                await replayed(store, row)
                assert bill(fake) == before, stage
                assert await sql.fetchval(HELD, users) == held
                assert await sql.fetchval(SERVED, users) == served
            assert (await planned(setting, "facts", "stale")).figures.imports == 0
        plain = Prompt.hash
        monkeypatch.setattr(Prompt, "hash", lambda self, model: f"{plain(self, model)}-changed")
        chosen, others = users[:15], users[15:]
        kept = await sql.fetchval(HELD, others), await sql.fetchval(SERVED, others)
        assert (await planned(setting, "facts", "stale")).figures.imports == IMPORTS
        row = await planned(setting, "facts", "stale", chosen)
        assert (row.figures.imports, row.figures.cached) == (15, 0)
        setting.lose_log()
        async with hosted(setting):
            await replayed(store, row)
        calls, out = bill(fake)[0] - before[0], bill(fake)[1] - before[1]
        assert row.figures.calls == pytest.approx(calls, rel=0.02)
        assert row.figures.output_tokens == pytest.approx(out, rel=0.1)
        assert row.figures.dollars == pytest.approx(await spent(sql, 5), rel=0.1)
        rest = (await planned(setting, "facts", "stale")).figures
        assert rest.imports == 5
        assert (await planned(setting, "facts", "stale", chosen)).figures.imports == 0
        assert (await sql.fetchval(HELD, others), await sql.fetchval(SERVED, others)) == kept


@pytest.mark.slow
async def test_another_model_costs_what_was_planned(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, sources: list[Path]
) -> None:
    async with fake_claude() as fake:
        with_claude(setting, fake, sources[0], chunk_tokens=1500, memory_tokens=600, sweep_seconds=0.1)
        async with hosted(setting):
            await imported(setting, store, sources, len(sources))
        before = bill(fake)
        setting.changes |= {"claude_model": "claude-sonnet-5-5"}
        row = await planned(setting, "facts", "stale")
        setting.lose_log()
        async with hosted(setting):
            await replayed(store, row)
        assert row.figures.calls == pytest.approx(bill(fake)[0] - before[0], rel=0.02)
        assert row.figures.dollars == pytest.approx(await spent(sql, 2), rel=0.1)
