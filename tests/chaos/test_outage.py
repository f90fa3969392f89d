"""Kafka or the database gone for long: every service waits quietly, and all goes on by itself.

The outage must be longer than the client's request timeout.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

import orjson
import psutil
import pytest

from shared.pipelines import FACTS_EXTRACTED
from shared.postgres.migrate import migrate
from shared.store.store import Store, open_store
from tests.exports.generate import generate
from tests.support.audit import READERS
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.mortal_postgres import mortal_postgres
from tests.support.services import Setting, ended, reasons
from tests.support.waiting import until

OUTAGE = 90.0
"""Seconds."""
CONVERSATIONS = 400
MOST_OF_A_CORE = 0.2
MOST_LINES = 10
"""Log lines a second."""


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_kafka_gone_for_long(
    kafka: Broker,
    database: str,
    store: Store,
    fork_server: ForkServer,
    tmp_path: Path,
    how: Literal["stop", "kill"],
) -> None:
    if not kafka.controllable:
        pytest.skip("this Kafka is not ours to stop")
    setting = Setting(kafka.bootstrap, database, tmp_path)
    setting.changes = {"extract_workers": 0, "chunk_tokens": 1000, "import_window": 32}
    await setting.make_topics()
    generate(tmp_path / "export.json", CONVERSATIONS)
    with fleet(setting, tmp_path, {"TUNED_MODEL_SECONDS": "0.5"}, fork_server) as services:
        for service in ("router", *READERS.values()):
            services.start(service)
        await services.ready()
        event = await setting.import_of(tmp_path / "export.json")
        await until(lambda: setting.published(FACTS_EXTRACTED, 20))
        before = _spent(services)
        await asyncio.to_thread(getattr(kafka, how))
        await asyncio.sleep(OUTAGE)  # what is tested, not a wait for something
        after = _spent(services)
        await asyncio.to_thread(kafka.start)
        run = await ended(store, event, 300)
        assert services.ended() == {}
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
    for name in READERS:
        assert await reasons(setting, name) == []
    _quiet(how, before, after, tmp_path)


async def test_postgres_gone_for_long(kafka: Broker, fork_server: ForkServer, tmp_path: Path) -> None:
    async with mortal_postgres() as postgres:
        await migrate(postgres.dsn)
        setting = Setting(kafka.bootstrap, postgres.dsn, tmp_path)
        setting.changes = {"extract_workers": 0, "chunk_tokens": 1000, "import_window": 64}
        await setting.make_topics()
        generate(tmp_path / "export.json", CONVERSATIONS)
        with fleet(setting, tmp_path, {"TUNED_MODEL_SECONDS": "0.05"}, fork_server) as services:
            for service in ("router", *READERS.values()):
                services.start(service)
            await services.ready()
            event = await setting.import_of(tmp_path / "export.json")
            await until(lambda: setting.published(FACTS_EXTRACTED, 20))
            before = _spent(services)
            await postgres.kill()
            await asyncio.sleep(OUTAGE)  # what is tested, not a wait for something
            after = _spent(services)
            await postgres.start()
            async with open_store(postgres.dsn) as store:
                run = await ended(store, event, 300)
            assert services.ended() == {}
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
    for name in READERS:
        assert await reasons(setting, name) == []
    _quiet("postgres", before, after, tmp_path)


def _busiest(log: Path) -> int:
    """The most lines of one second."""
    seconds = (orjson.loads(line)["timestamp"][:19] for line in log.read_bytes().splitlines())
    return max(Counter(seconds).values())


def _quiet(
    how: str, before: dict[str, tuple[float, int]], after: dict[str, tuple[float, int]], logs: Path
) -> None:
    """No service burned a core or wrote more than somebody could read, in the mean and in any second."""
    busiest = {log.stem: _busiest(log) for log in logs.glob("*.log")}
    sys.stdout.write(f"{how}: most log lines of a second: {busiest}\n")
    assert max(busiest.values()) <= MOST_LINES, busiest
    rates = {
        name: ((after[name][0] - cpu) / OUTAGE, (after[name][1] - lines) / OUTAGE)
        for name, (cpu, lines) in before.items()
    }
    for name, (cores, lines) in rates.items():
        sys.stdout.write(f"{how}: {name} {cores:.3f} of a core, {lines:.1f} log lines a second\n")
    assert {name: r for name, r in rates.items() if r[0] > MOST_OF_A_CORE or r[1] > MOST_LINES} == {}


def _spent(services: Fleet) -> dict[str, tuple[float, int]]:
    """Processor seconds and log lines of each member so far."""
    spent = {}
    for member in services.members.values():
        times = psutil.Process(member.process.pid).cpu_times()
        lines = (services.folder / f"{member.name}.log").read_bytes().count(b"\n")
        spent[member.name] = (float(times.user + times.system), lines)
    return spent
