"""A storm of rebalances: extractors join and leave all through an import, and nothing is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.exports.generate import generate
from tests.support.audit import READERS, Audit
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.services import Setting, ended, reasons
from tests.support.waiting import until

MOVES = 50
CONVERSATIONS = int(os.environ.get("CHAOS_CONVERSATIONS", "200"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
CEILING = 2 * 3 + 13
"""Records that an extractor has in flight at most."""
FEWEST, MOST = 2, 4
TUNING = {"TUNED_MODEL_SECONDS": "0.2"}


async def test_extractors_that_join_and_leave_lose_nothing(
    kafka: Broker, database: str, store: Store, fork_server: ForkServer, tmp_path: Path
) -> None:
    setting = Setting(kafka.bootstrap, database, tmp_path)
    setting.changes = {"extract_workers": 0, "chunk_tokens": 1000}
    await setting.make_topics()
    with fleet(setting, tmp_path, TUNING, fork_server) as services:
        for service in ("router", "chunker", "consolidator", "writer"):
            services.start(service)
        services.start_many("extractor", FEWEST)
        await services.ready()
        random, moves = Random(SEED), 0
        runs: list[RunRow] = []
        while moves < MOVES:
            export = tmp_path / f"{len(runs)}.json"
            generate(export, CONVERSATIONS, seed=SEED * 1000 + len(runs))
            event = await setting.import_of(export)
            before = await setting.count(FACTS_EXTRACTED)
            await until(lambda before=before: setting.published(FACTS_EXTRACTED, before + 1))
            while moves < MOVES and not (await store.list_runs(event.import_id))[0].ended:
                moves += 1
                await _move(services, random, f"extractor-joined-{moves}")
            runs.append(await ended(store, event, 300))
        audit = Audit(setting)
        await until(lambda: _caught_up(audit))
        assert await audit.unfinished() == []
    assert {(run.state, run.coverage, run.chunks_dead) for run in runs} == {("complete", 1.0, 0)}, runs
    chunks = sum(run.chunks_total or 0 for run in runs)
    doubled = await setting.count(FACTS_EXTRACTED) - chunks
    sys.stdout.write(
        f"{moves} joins and leaves, {chunks} chunks in {len(runs)} imports, {doubled} read twice\n"
    )
    assert chunks == await setting.count(CHUNKS_READY)
    assert 0 <= doubled <= moves * CEILING
    for name in READERS:
        assert await reasons(setting, name) == []


async def _move(services: Fleet, random: Random, newcomer: str) -> None:
    """One extractor more, or one less."""
    extractors = [m.name for m in services.members.values() if m.service == "extractor"]
    if len(extractors) == FEWEST or (len(extractors) < MOST and random.random() < 0.5):
        services.start("extractor", newcomer)
        await services.ready()
    else:
        assert set((await services.stop(random.choice(extractors))).values()) == {0}


async def _caught_up(audit: Audit) -> bool:
    """every group has committed all of its topic"""
    return await audit.lag() == {}
