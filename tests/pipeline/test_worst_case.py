"""First sections of a history into which others have written: they rest on no fact yet, so they say nothing
that anybody was told."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.store.store import Store
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.obeying import WorstCase
from tests.support.local import LocalSetting
from tests.support.quickpass import asked
from tests.support.services import ended, hosted
from tests.support.worst.export import poisoned_export
from tests.support.worst.leaks import leaks, texts_of_tables
from tests.support.worst.person import truths


@pytest.mark.parametrize("model", ["claude", "offline"])
@pytest.mark.parametrize("profile_format", ["markdown", "app"])
async def test_first_sections_hold_nothing_of_what_others_planted(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    tmp_path: Path,
    model: str,
    profile_format: str,
) -> None:
    planted = poisoned_export(tmp_path / "export.zip", "chatgpt")
    worst = WorstCase(truths(), [order for _, order in planted])
    setting.root = tmp_path
    user = uuid4()
    async with fake_claude() as fake:
        fake.answers = worst
        setting.changes |= {
            "model": model,
            "anthropic_api_key": "test-key",
            "anthropic_base_url": fake.url,
            "profile_format": profile_format,
        }
        async with hosted(setting, ("quickpass", "writer")):
            run = await ended(store, await asked(setting, tmp_path / "export.zip", user))
    assert run.state == "complete"
    assert bool(worst.proposed) == (model == "claude")
    found = leaks(await texts_of_tables(sql, user), planted)
    assert not found, "\n".join([f"{len(found)} came through:", *found[:20]])
