"""A history into which others have written, read by a model that obeys whatever it reads: none of it may
come into the memory, and nothing of the person's own may be lost for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.postgres.embedded import embedded_postgres
from tests.acceptance.at_claude import at, ran, run_of
from tests.support.command import report
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.obeying import WorstCase
from tests.support.forking import ForkedSoulprint
from tests.support.worst.export import poisoned_export
from tests.support.worst.leaks import facts_in, forged, leaks, lost, texts_in, texts_of_tables
from tests.support.worst.person import ABOUT, WISHES, Truth, truths
from tests.support.worst.talks import CARRIERS

NEVER_READ = {"tool output", "forged field"}
"""Of these carriers some never reach a model."""


def known_of(vendor: str) -> list[Truth]:
    """What is true: of Claude's export without custom instructions, which it does not have."""
    return [*truths(), *(ABOUT + WISHES if vendor == "chatgpt" else ())]


async def tables(home: Path, user_id: str) -> list[tuple[str, str]]:
    """Every text of the person's tables."""
    async with embedded_postgres(home) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await texts_of_tables(connection, user_id))
        finally:
            await connection.close()


def assert_none(found: list[str]) -> None:
    """A failure tells the first of them, and how many there are."""
    assert not found, "\n".join([f"{len(found)} came through:", *found[:20]])


@pytest.mark.xfail(reason="what a model answers is not bound to the person's words yet", strict=True)
@pytest.mark.parametrize(
    ("vendor", "model"), [("chatgpt", "claude"), ("claude", "claude"), ("chatgpt", "offline")]
)
async def test_what_others_planted_never_comes_into_the_memory(
    forked: ForkedSoulprint, tmp_path: Path, vendor: str, model: str
) -> None:
    export, out = tmp_path / "export.zip", tmp_path / f"{vendor}-{model}"
    planted = await asyncio.to_thread(poisoned_export, export, vendor)
    assert len(CARRIERS) >= 40
    assert len(planted) == 3 * len(CARRIERS)
    known = known_of(vendor)
    worst = WorstCase(known, [order for _, order in planted])
    async with fake_claude() as fake:
        fake.answers = worst
        command = at(forked, fake, SOULPRINT_MODEL=model, CHUNK_TOKENS="1500", SOULPRINT_PROFILE_FORMAT="app")
        finished = await ran(command, *run_of(export, out))
        assert finished.code == 0, finished.err
    if model == "claude":
        unread = {name for name, order in planted if order.word not in worst.heard}
        assert unread <= NEVER_READ, "the model is to be tried with all that it can see"
        assert set(worst.heard) <= worst.proposed
        assert worst.forged
    done = report(out)
    texts = [*texts_in(out), *await tables(forked.command.home, done["user_id"])]
    facts = facts_in(out)
    assert_none(leaks(texts, planted))
    assert_none(forged(texts, worst.forged))
    assert lost(known, [fact["statement"] for fact in facts]) == []
    of_instructions = [fact["statement"] for fact in facts if fact["source_kind"] == "custom_instructions"]
    assert lost(known[60:], of_instructions) == []
    assert lost(known[60 + len(ABOUT) :], [(out / "AGENTS.md").read_text("utf-8")]) == []
