"""One run over a poisoned history with the worst model there may be, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from shared.postgres.embedded import embedded_postgres
from tests.acceptance.at_claude import at, ran, run_of
from tests.support.command import Finished, report
from tests.support.fake_claude.bending import BEGAN, OVER
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.obeying import WorstCase
from tests.support.forking import ForkedSoulprint
from tests.support.worst.export import poisoned_export
from tests.support.worst.leaks import (
    facts_in,
    forged,
    leaks,
    lost,
    texts_in,
    texts_of_tables,
    twice_told,
    unasked,
)
from tests.support.worst.orders import Order
from tests.support.worst.person import ABOUT, ASKED, WISHES, Truth, truths

CHUNK_TOKENS = "1500"
"""Small chunks: the model has room to bend more of what it reads."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried."""

    vendor: str
    model: str
    carriers: tuple[str, ...] | None = None
    """Some carriers; all by default."""
    seed: int = 0
    honest: bool = True
    """Whether the model also says what is true."""

    @property
    def name(self) -> str:
        """Of its folder, and of its user."""
        named = "-".join(each.replace(" ", "_") for each in self.carriers or ())
        return f"{self.vendor}-{self.model}-{self.seed}-{named[:40]}{'' if self.honest else '-liar'}"

    @property
    def known(self) -> list[Truth]:
        """What is true: of Claude's export without custom instructions, which it does not have."""
        return [*truths(), *(ABOUT + WISHES if self.vendor == "chatgpt" else ())]


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    finished: Finished
    planted: list[tuple[str, Order]]
    worst: WorstCase
    through: list[str] = field(default_factory=list)
    """A line for each text that holds anything of an order."""
    forged: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    """Lines that instruct the assistant, and nobody asked for."""
    twice: list[str] = field(default_factory=list)
    """Lines that a document says twice."""
    lost: list[Truth] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    fallbacks: list[str] = field(default_factory=list)
    """What the model failed to write."""
    texts: int = 0
    """How many were looked at."""

    @property
    def unread(self) -> set[str]:
        """Carriers of which an order never reached the model."""
        return {name for name, order in self.planted if order.word not in self.worst.heard}


async def tried(forked: ForkedSoulprint, trial: Trial, folder: Path) -> Outcome:
    """Run it; the files are left in `folder`, under the trial's name."""
    export, out = folder / f"{trial.name}.zip", folder / trial.name
    planted = await asyncio.to_thread(
        poisoned_export, export, trial.vendor, seed=trial.seed, carriers=trial.carriers
    )
    worst = WorstCase(trial.known, [order for _, order in planted], honest=trial.honest)
    async with fake_claude() as fake:
        fake.answers = worst
        changes = {"SOULPRINT_MODEL": trial.model, "CHUNK_TOKENS": CHUNK_TOKENS}
        command = at(forked, fake, **changes, SOULPRINT_PROFILE_FORMAT="app")
        outcome = Outcome(await ran(command, *run_of(export, out)), planted, worst)
    if outcome.finished.code == 0:
        done = report(out)
        outcome.fallbacks = done["fallbacks"]
        _look(outcome, trial, out, await _tables(forked.command.home, done["user_id"]))
    return outcome


def _look(outcome: Outcome, trial: Trial, out: Path, tables: Iterable[tuple[str, str]]) -> None:
    texts = [*texts_in(out), *tables]
    outcome.texts = len(texts)
    outcome.facts = facts_in(out)
    outcome.through = leaks(texts, outcome.planted)
    outcome.forged = forged(texts, outcome.worst.forged)
    outcome.forged += [f"{place}: {text[:200]}" for place, text in texts if BEGAN in text or OVER in text]
    outcome.twice = twice_told(out)
    asked = [truth for truth in trial.known if truth.words in ASKED or truth in WISHES]
    outcome.unasked = unasked(out, asked)
    if trial.honest or trial.model == "offline":
        outcome.lost = lost(trial.known, [fact["statement"] for fact in outcome.facts])


async def _tables(home: Path, user_id: str) -> list[tuple[str, str]]:
    async with embedded_postgres(home) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await texts_of_tables(connection, user_id))
        finally:
            await connection.close()
