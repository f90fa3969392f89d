"""kill -9 at random moments: whatever dies, nothing is lost, nothing is doubled, and every import ends.

`make test` runs a short form; `make chaos [KILLS=100] [SEED=1]` the long one. Equal seeds give equal exports
and the same order of victims and waits; when exactly each kill hits is the machine's affair.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from shared.postgres.migrate import migrate
from shared.store.store import open_store
from tests.chaos.fire import (
    END_SECONDS,
    all_caught_up,
    every_planted_fact_is_there_once,
    nothing_is_left_over,
    patiently_audited,
    run_ended,
    run_of,
    say,
    swept,
)
from tests.exports.generate import generate
from tests.support.audit import READERS, Audit
from tests.support.exports import claude_chain, json_of
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.mortal_postgres import MortalPostgres, mortal_postgres
from tests.support.services import Setting
from tests.support.telling import telling
from tests.support.waiting import until

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
CONVERSATIONS = int(os.environ.get("CHAOS_CONVERSATIONS", "120"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
EXTRACTORS = 3
MODEL_SECONDS = 0.05
LONGEST_REST = min(2.0, CONVERSATIONS / 400)
"""Seconds between a kill and the next one, at most: a small import is over soon."""
CHUNK_TOKENS = 1000
"""Small chunks: four times the records of the default, so that a kill finds more of them half done."""
WINDOW = 48
BROKER, DATABASE = "kafka", "postgres"
TUNING = {"TUNED_MODEL_SECONDS": str(MODEL_SECONDS), "TUNED_SESSION_MS": "2000"}


@dataclass
class Chaos:
    """What is killed, and how often it was."""

    services: Fleet
    broker: Broker
    database: MortalPostgres
    random: Random
    kills: Counter[str] = field(default_factory=Counter)
    last: str = ""
    _next: list[str] = field(default_factory=list)

    def _victim(self) -> str:
        """Everything once in a random order, then again in another."""
        if not self._next:
            self._next = sorted(self.services.members) + [DATABASE] + [BROKER] * self.broker.controllable
            self.random.shuffle(self._next)
        return self._next.pop()

    async def kill_one(self) -> None:
        """kill -9 something and start it again at once."""
        victim = self.last = self._victim()
        self.kills[victim] += 1
        if victim == BROKER:
            await asyncio.to_thread(self.broker.kill)
            await asyncio.to_thread(self.broker.start)
        elif victim == DATABASE:
            await self.database.kill()
            await self.database.start()
        else:
            await asyncio.to_thread(self.services.restart, victim)

    async def rest(self) -> None:
        """A random moment. What runs meanwhile is what is tested: nothing is waited for."""
        await asyncio.sleep(self.random.uniform(0.1, LONGEST_REST))


async def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    kafka: Broker, fork_server: ForkServer, tmp_path: Path
) -> None:
    async with mortal_postgres() as postgres:
        await migrate(postgres.dsn)
        setting = Setting(kafka.bootstrap, postgres.dsn, tmp_path)
        setting.changes = {
            "chunk_tokens": CHUNK_TOKENS,
            "extract_workers": 0,
            "import_window": WINDOW,
            "lease_seconds": 3,
            "stall_seconds": 10,
            "sweep_seconds": 1,
        }
        await setting.make_topics()
        with fleet(setting, tmp_path, TUNING, fork_server) as services:
            for service in ("router", *READERS.values()):
                services.start_many(service, EXTRACTORS if service == "extractor" else 1)
            await services.ready()
            chaos = Chaos(services, kafka, postgres, Random(SEED))
            audit = Audit(setting)
            imports = 0
            async with telling(services):
                while chaos.kills.total() < KILLS:
                    imports += 1
                    await _import_under_fire(chaos, audit, tmp_path, imports)
                await all_caught_up(audit)
                await until(lambda: swept(setting), END_SECONDS)
                assert await audit.unfinished() == []
            assert services.ended() == {}, "a service ended by itself"
            codes = await services.stop()
        assert set(codes.values()) == {0}, codes
        await nothing_is_left_over(setting)
    say(f"seed {SEED}: {imports} imports of {CONVERSATIONS:,} conversations, kills {dict(chaos.kills)}")
    say(f"{audit.checked:,} looks at committed records")


def _another_account(folder: Path) -> Path:
    """What the person said to another vendor, imported at the same time."""
    export = folder / "claude.json"
    said = [
        claude_chain(f"My boat is called Ondina {number}.", "Noted!", conversation_id=f"k{number}")
        for number in range(8)
    ]
    export.write_bytes(json_of(said))
    return export


async def _import_under_fire(chaos: Chaos, audit: Audit, folder: Path, number: int) -> None:
    """One import, with kills until there were enough or it ended; then what came out of it."""
    setting = chaos.services.setting
    export = folder / f"{number}.json"
    truth = generate(export, CONVERSATIONS, seed=SEED * 1000 + number)
    began, before = time.monotonic(), chaos.kills.total()
    async with open_store(setting.database) as store:
        event = await setting.import_of(export)
        beside = await setting.import_of(_another_account(folder), event.user_id)
        while chaos.kills.total() < KILLS:
            await chaos.rest()
            if (run := await run_of(store, event)) is not None and run.ended:
                break
            await chaos.kill_one()
            assert await patiently_audited(audit) == [], f"after the kill of {chaos.last}"
        run = await run_ended(store, event)
        assert (await run_ended(store, beside)).state == "complete"
        facts = await store.list_facts(event.user_id)
        assert {fact.account and fact.account.vendor for fact in facts} == {"chatgpt", "claude"}
    seconds, kills = time.monotonic() - began, chaos.kills.total() - before
    say(f"import {number}: {run.state} after {seconds:.1f} s and {kills} kills, {run.redrives} redrives")
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
    await every_planted_fact_is_there_once(setting, event, truth)
    export.unlink()
