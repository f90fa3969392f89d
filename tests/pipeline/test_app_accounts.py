"""Two accounts of one person imported at once, in the app's format: the app is told once of each, and its
pages show what is served, whichever ended last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.pipelines import MEMORY_READY
from shared.store.store import Store
from tests.support.app_server import App
from tests.support.callbacks import STATES, app, counted
from tests.support.exports import chain, claude_chain, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

__all__ = ["app"]

CHATGPT = [chain("I live in Lisbon.", "Noted!", "My dog is called Zorvik.", conversation_id="a1")]
CLAUDE = [
    claude_chain("I work as a nurse.", "Noted!", conversation_id="k1"),
    claude_chain("I love hiking.", "Good!", conversation_id="k2"),
]
SECTIONS = ("soul_md", "identity_md", "user_md", "agents_md", "tools_md")


@pytest.fixture
def sources(tmp_path: Path, setting: LocalSetting) -> tuple[Path, Path]:
    setting.root = tmp_path
    setting.changes |= {"sweep_seconds": 0.1, "stall_seconds": 0.3, "lease_seconds": 1}
    chatgpt, claude = tmp_path / "chatgpt.json", tmp_path / "claude.json"
    chatgpt.write_bytes(json_of(CHATGPT))
    claude.write_bytes(json_of(CLAUDE))
    return chatgpt, claude


async def profile_of(sql: asyncpg.Connection, user: UUID) -> dict[str, Any]:
    row = await sql.fetchrow("SELECT * FROM user_profiles WHERE user_id = $1", user)
    assert row is not None
    return dict(row)


def is_whole(shown: dict[str, Any]) -> None:
    """All columns as the app's pages read them, of a memory of both."""
    assert (shown["progress_percent"], shown["import_stage"]) == (100, "Complete")
    assert (shown["import_status"], shown["import_error"]) == ("complete", None)
    assert (shown["memory_status"], shown["soulprint_generated_at"] is None) == ("ready", False)
    assert all(isinstance(json.loads(shown[name]), dict) for name in SECTIONS)
    assert "Zorvik" in shown["memory_md"]
    assert "nurse" in shown["memory_md"]
    assert shown["soulprint_text"].strip()
    assert json.loads(shown["import_cost_json"])["llm_call_count"] == 0


async def made(setting: LocalSetting, user: UUID, *sources: Path) -> list[ImportReceived]:
    """Imports whose memories are made, each without the other, and not committed yet."""
    async with hosted(setting, ("chunker", "extractor", "consolidator")):
        events = [await setting.import_of(source, user) for source in sources]
        await until(lambda: setting.published(MEMORY_READY, len(sources)))
    return events


@pytest.mark.parametrize("last", [0, 1])
async def test_whichever_ends_last_the_app_is_told_once_of_each_and_shows_both(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    app: App,
    sources: tuple[Path, Path],
    last: int,
) -> None:
    user = uuid4()
    events = await made(setting, user, *sources)
    first, second = events[1 - last], events[last]
    memories = [await store.read_kept_memory(event.import_id, 1) for event in (first, second)]
    setting.lose_log()
    async with hosted(setting, ("consolidator", "writer")) as host:
        for event, memory in zip((first, second), memories, strict=True):
            assert memory is not None
            await setting.publish(setting.topic(MEMORY_READY), memory, memory)
            assert (await ended(store, event)).state == "complete"
        await until(lambda: counted(host, "sent") == 2)
        await setting.repeat(MEMORY_READY)
        await setting.caught_up(host, "writer")
    assert app.emails == [str(user)] * 2
    assert [row["state"] for row in await sql.fetch(STATES)] == ["sent", "sent"]
    shown = await profile_of(sql, user)
    is_whole(shown)
    assert (shown["full_pass_status"], shown["full_pass_error"]) == ("complete", None)
    assert (shown["total_conversations"], shown["total_messages"]) == (3, 7)


async def test_an_import_that_ends_after_a_newer_one_of_another_account_failed_is_shown(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, app: App, sources: tuple[Path, Path]
) -> None:
    user = uuid4()
    both = await made(setting, user, *sources)
    broken = setting.root / "broken.json"
    broken.write_text("no export")
    setting.lose_log()
    async with hosted(setting, ("chunker",)):
        failed = await setting.import_of(broken, user)
        assert (await ended(store, failed)).state == "failed"
    assert (await profile_of(sql, user))["import_status"] == "failed"
    setting.lose_log()
    async with hosted(setting) as host:
        for event in both:
            assert (await ended(store, event)).state == "complete"
        await until(lambda: counted(host, "sent") == 2)
    assert app.emails == [str(user)] * 2
    shown = await profile_of(sql, user)
    is_whole(shown)
    assert shown["full_pass_status"] == "failed", "of the newest"
    assert (shown["total_conversations"], shown["total_messages"]) == (3, 7)
