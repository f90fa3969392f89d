"""An import in the app's format, in the app's own database, watched as its pages watch it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.postgres.migrate import migrate
from shared.store.store import Store, open_store
from tests.support.app_schema import app_database, sign_up
from tests.support.app_statements import ask
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

LABELS = {
    "Downloading": ("download", "upload"),
    "Parsing": ("pars",),
    "Analysing": ("generat", "soulprint"),
    "Building": ("build", "profile"),
}
"""What the import page shows, by what it finds in import_stage; the first that fits."""
ENDS = {"quick_ready", "complete", "failed"}
"""The states that end its poll."""
SECTIONS = ("soul_md", "identity_md", "user_md", "agents_md", "tools_md")

EVERY_STATE = """
CREATE SCHEMA watched;
CREATE TABLE watched.states (n bigint GENERATED ALWAYS AS IDENTITY, profile public.user_profiles);
CREATE FUNCTION watched.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO watched.states (profile) VALUES (NEW);
    RETURN NEW;
END
$$;
CREATE TRIGGER watched AFTER UPDATE ON public.user_profiles FOR EACH ROW EXECUTE FUNCTION watched.note();
"""
"""Notes each state that a poll could meet, however short it lasts."""


@dataclass(frozen=True)
class Pages:
    """The app's pages, for one person who is signed in, and all that they could have seen."""

    sql: asyncpg.Connection
    user: UUID

    async def begin(self) -> None:
        """Upload an export: what the app writes then."""
        await ask(self.sql, "import begins", self.user, keep=True)
        await self.sql.execute("TRUNCATE watched.states")

    async def watch(self) -> list[tuple[Any, ...]]:
        """Poll the import page until its poll ends; what it was answered."""
        seen = []
        async with asyncio.timeout(60):
            while not seen or seen[-1][2] not in ENDS:
                seen += await ask(self.sql, "import page: poll", self.user)
                await asyncio.sleep(0.01)  # the page waits 3 s
        return seen

    async def states(self) -> Sequence[asyncpg.Record]:
        """All states of the profile since the import began."""
        return await self.sql.fetch("SELECT (profile).* FROM watched.states ORDER BY n")

    async def sections(self) -> list[dict[str, Any]]:
        """The five sections as the chat reads them."""
        ((*texts, _, _, _, _, _),) = await ask(self.sql, "chat: sections", self.user)
        return [json.loads(text) for text in texts]


def label(stage: str) -> str:
    """What the import page shows for a stage."""
    low = stage.lower()
    return next((shown for shown, words in LABELS.items() if any(word in low for word in words)), stage)


@pytest.fixture
async def app_dsn(request: pytest.FixtureRequest, postgres: str) -> AsyncIterator[str]:
    """The app's database, adopted; in form A, which knows no failed imports, or as the test says."""
    async with app_database(postgres, getattr(request, "param", "A")) as dsn:
        await migrate(dsn)
        yield dsn


@pytest.fixture
async def pages(app_dsn: str) -> AsyncIterator[Pages]:
    sql = await asyncpg.connect(app_dsn)
    try:
        await sql.execute(EVERY_STATE)
        user = uuid4()
        await sign_up(sql, user)
        yield Pages(sql, user)
    finally:
        await sql.close()


@pytest.fixture
async def store(app_dsn: str) -> AsyncIterator[Store]:
    async with open_store(app_dsn) as opened:
        yield opened


@pytest.fixture
def setting(app_dsn: str, exports: Path) -> LocalSetting:
    changes = {"extract_workers": 0, "profile_format": "app", "passage_tokens": 100}
    return LocalSetting(app_dsn, exports, changes=changes)


def is_sound(seen: Sequence[tuple[Any, ...]]) -> None:
    """Percents that are whole and never fall, under labels that the page knows, in their order."""
    percents = [percent for percent, _, _, _ in seen]
    assert all(isinstance(percent, int) and 0 <= percent <= 100 for percent in percents)
    assert all(before <= after for before, after in pairwise(percents)), percents
    order = [*LABELS, "Complete"]
    labels = [order.index(label(stage)) for _, stage, _, _ in seen]
    assert labels == sorted(labels), seen


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
