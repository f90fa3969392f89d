"""The app's pages over its own database, adopted: what they write and read, and every state that they could
have met."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.postgres.migrate import migrate
from shared.store.store import Store, open_store
from tests.support.app_schema import app_database, sign_up
from tests.support.app_statements import ask

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


def is_sound(seen: Sequence[tuple[Any, ...]]) -> None:
    """Percents that are whole and never fall, under labels that the page knows, in their order."""
    percents = [percent for percent, _, _, _ in seen]
    assert all(isinstance(percent, int) and 0 <= percent <= 100 for percent in percents)
    assert all(before <= after for before, after in pairwise(percents)), percents
    order = [*LABELS, "Complete"]
    labels = [order.index(label(stage)) for _, stage, _, _ in seen]
    assert labels == sorted(labels), seen
