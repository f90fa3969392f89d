"""What a plan reckons of imports that no model has read: nothing but the forecast tells."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from shared.store.store import Store
from tests.exports.generate import generate
from tests.pipeline.test_claude import with_claude
from tests.pipeline.test_replay_cost import imported, planned, replayed, spent
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.local import LocalSetting
from tests.support.services import hosted


@pytest.mark.slow
@pytest.mark.parametrize("facts", [0.5, 2.0])
async def test_imports_that_no_model_read_cost_about_what_is_planned(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, tmp_path: Path, facts: float
) -> None:
    sources = []
    for number, conversations in enumerate((6, 12, 40)):
        sources.append(tmp_path / f"export-{number}.zip")
        generate(sources[-1], conversations, seed=number + 1, facts_per_conversation=facts)
    setting.root = tmp_path
    async with hosted(setting):
        await imported(setting, store, sources, len(sources))
    async with fake_claude() as fake:
        fake.accounts.margin = 1.3  # as current models count
        with_claude(setting, fake, sources[0], sweep_seconds=0.1)
        row = await planned(setting, "facts", "all")
        setting.lose_log()
        async with hosted(setting):
            await replayed(store, row)
        assert row.figures.dollars == pytest.approx(await spent(sql, 2), rel=0.2)
