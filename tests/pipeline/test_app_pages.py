"""An import in the app's format, in the app's own database, watched as its pages watch it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.domain.events import ImportReceived
from shared.store.store import Store
from tests.support.app_pages import LABELS, SECTIONS, Pages, app_dsn, is_sound, label, pages, store
from tests.support.app_statements import ask
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

__all__ = ["app_dsn", "pages", "store"]


@pytest.fixture
def setting(app_dsn: str, exports: Path) -> LocalSetting:
    changes = {"extract_workers": 0, "profile_format": "app", "passage_tokens": 100}
    return LocalSetting(app_dsn, exports, changes=changes)


@pytest.mark.parametrize("app_dsn", ["A", "B"], indirect=True)
async def test_the_pages_show_an_import_from_its_begin_to_its_end(
    setting: LocalSetting, store: Store, pages: Pages, exports: Path
) -> None:
    await pages.begin()
    async with hosted(setting, ("chunker",)) as host:
        event = await setting.import_of(exports / "small.zip", pages.user)
        watching = asyncio.create_task(pages.watch())
        await setting.caught_up(host, "chunker")
        async with hosted(setting, ("extractor", "consolidator", "writer")):
            seen = await watching
            assert (await ended(store, event)).state == "complete"
    assert seen[-1] == (100, "Complete", "complete", None)
    states = await pages.states()
    shown = [
        (s["progress_percent"], s["import_stage"], s["import_status"], s["import_error"]) for s in states
    ]
    is_sound(shown)
    assert {label(stage) for _, stage, _, _ in shown} == {*LABELS, "Complete"}, "each was shown"
    assert {status for *_, status, _ in shown} == {"processing", "complete"}
    assert [s["full_pass_status"] for s in states][-1] == "complete"
    is_sound([poll for poll in seen if poll[1] != "Starting"])

    ((full_pass, error, soulprint, status),) = await ask(pages.sql, "chat page: poll", pages.user)
    assert (full_pass, error, status) == ("complete", None, "complete")
    sections = await pages.sections()
    assert all(isinstance(section, dict) and section for section in sections), sections
    assert soulprint.strip()
    ((*_, memory, _, _, _, _),) = await ask(pages.sql, "chat: sections", pages.user)
    assert memory.startswith("# ")

    listed = await ask(pages.sql, "memory page: list", pages.user)
    times = [row[5] for row in listed]
    assert len(listed) > 5
    assert None not in times
    assert times == sorted(times, reverse=True), "newest first"
    ((conversations, messages, chunks, generated, _),) = await ask(pages.sql, "dashboard", pages.user)
    assert min(conversations, messages, chunks) > 0
    assert generated is not None


async def test_what_is_served_stays_while_the_next_import_runs(
    setting: LocalSetting, store: Store, pages: Pages, exports: Path
) -> None:
    async with hosted(setting):
        await ended(store, await setting.import_of(exports / "small.zip", pages.user))
        before = await pages.sections()
        await pages.begin()
        event = await setting.import_of(exports / "small.zip", pages.user)
        seen = await pages.watch()
        assert (await ended(store, event)).state == "complete"
    assert seen[-1][:3] == (100, "Complete", "complete")
    states = await pages.states()
    is_sound([(s["progress_percent"], s["import_stage"], s["import_status"], None) for s in states])
    assert all(s[column] is not None for s in states for column in SECTIONS)
    assert await pages.sections() == before


async def failing(setting: LocalSetting, pages: Pages) -> ImportReceived:
    """An import of an export that cannot be read."""
    await pages.begin()
    (setting.root / "broken.json").write_text("no export")
    return await setting.import_of(setting.root / "broken.json", pages.user)


async def test_an_import_that_fails_ends_the_poll_with_a_reason(
    setting: LocalSetting, store: Store, pages: Pages
) -> None:
    async with hosted(setting):
        await failing(setting, pages)
        percent, stage, status, error = (await pages.watch())[-1]
    assert (percent, stage, status) == (100, "Failed", "failed")
    assert error
    ((full_pass, why, *_),) = await ask(pages.sql, "chat page: poll", pages.user)
    assert (full_pass, why) == ("failed", error)


async def test_an_import_that_fails_leaves_a_person_with_what_they_have(
    setting: LocalSetting, store: Store, pages: Pages
) -> None:
    (setting.root / "good.json").write_bytes(json_of([chain("I live in Porto.", "Noted!")]))
    async with hosted(setting):
        await ended(store, await setting.import_of(setting.root / "good.json", pages.user))
        before = await pages.sections()
        event = await failing(setting, pages)
        assert (await pages.watch())[-1][:3] == (100, "Complete", "complete")
        assert (await ended(store, event)).state == "failed"
    assert await pages.sections() == before
    ((full_pass, why, *_),) = await ask(pages.sql, "chat page: poll", pages.user)
    assert full_pass == "failed"
    assert why
