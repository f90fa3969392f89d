"""Gray failures: what stands still, swallows packets, is read-only, full, slow, hasty or an hour off. Nothing
is lost, nothing doubled, nothing good is dead, and every import ends.

`make chaos [MOMENTS=30] [SEED=1]`. Needs root for a small disk, and Debian's faketime for the clock.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from shared.postgres.migrate import migrate
from shared.store.store import open_store
from tests.chaos.fire import (
    all_caught_up,
    every_planted_fact_is_there_once,
    nothing_is_left_over,
    patiently_audited,
    run_ended,
    run_of,
    say,
    swept,
)
from tests.chaos.moments import FAKETIME, Gray
from tests.exports.generate import generate
from tests.support.audit import READERS, Audit
from tests.support.door import Door, door_to, kafka_door, postgres_at
from tests.support.fleet import fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.mortal_postgres import mortal_postgres
from tests.support.services import Setting
from tests.support.telling import telling
from tests.support.waiting import until

MOMENTS = int(os.environ.get("CHAOS_MOMENTS", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
CONVERSATIONS = 1000
EXTRACTORS = 2
DISK = "600m"
END_SECONDS = 240.0
"""How long an import may take to end once all is well: a call into silence is given up after a minute."""
TUNING = {"TUNED_MODEL_SECONDS": "0.2", "TUNED_SESSION_MS": "2000"}


@dataclass
class BehindDoors(Setting):
    """Services reach Kafka and the database through doors; the test itself does not."""

    to_postgres: Door | None = None
    to_kafka: Door | None = None

    def environment(self) -> dict[str, str]:
        """See AnySetting."""
        assert self.to_postgres is not None
        assert self.to_kafka is not None
        return super().environment() | {
            "SOULPRINT_DATABASE_URL": self.to_postgres.dsn(self.database),
            "SOULPRINT_KAFKA_BOOTSTRAP_SERVERS": self.to_kafka.address,
        }


@dataclass
class Storm:
    """Moments in a random order, each kind once before any comes again."""

    gray: Gray
    audit: Audit
    moments: Counter[str] = field(default_factory=Counter)
    imports: int = 0
    _next: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def over_an_import(self, setting: Setting, folder: Path) -> None:
        """One import, with moments until there were enough or it ended; then what came out of it."""
        self.imports += 1
        export = folder / f"{self.imports}.json"
        truth = generate(export, CONVERSATIONS, seed=SEED * 1000 + self.imports)
        began, before = time.monotonic(), self.moments.total()
        async with open_store(setting.database) as store:
            event = await setting.import_of(export)
            while self.moments.total() < MOMENTS:
                name = await self._moment()
                assert await patiently_audited(self.audit) == [], f"after {name}"
                if (run := await run_of(store, event)) is not None and run.ended:
                    break
            run = await run_ended(store, event, END_SECONDS)
        seconds, moments = time.monotonic() - began, self.moments.total() - before
        say(f"import {self.imports}: {run.state}, {seconds:.0f} s, {moments} moments")
        assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
        await every_planted_fact_is_there_once(setting, event, truth)
        export.unlink()

    async def _moment(self) -> str:
        if not self._next:
            self._next = self.gray.all()
            self.gray.random.shuffle(self._next)
        moment = self._next.pop()
        name = moment.__name__
        self.moments[name] += 1
        began = time.monotonic()
        await moment()
        say(f"  {name}: {time.monotonic() - began:.1f} s")
        return name


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", folder],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("NO GRAY FAILURES TRIED: a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_gray_failures_lose_nothing_and_kill_nothing_good(
    kafka: Broker, fork_server: ForkServer, disk: Path, tmp_path: Path
) -> None:
    if not FAKETIME.exists():
        pytest.skip("NO GRAY FAILURES TRIED: Debian's package faketime is missing")
    async with (
        mortal_postgres(disk) as postgres,
        door_to(postgres_at(postgres.dsn)) as to_postgres,
        kafka_door(kafka) as to_kafka,
    ):
        await migrate(postgres.dsn)
        setting = BehindDoors(kafka.bootstrap, postgres.dsn, tmp_path)
        setting.to_postgres, setting.to_kafka = to_postgres, to_kafka
        setting.changes = {
            "chunk_tokens": 1000,
            "extract_workers": 0,
            "import_window": 48,
            "lease_seconds": 3,
            "stall_seconds": 10,
            "sweep_seconds": 1,
        }
        await setting.make_topics()
        with fleet(setting, tmp_path, TUNING, fork_server) as services:
            for service in ("router", *READERS.values()):
                services.start_many(service, EXTRACTORS if service == "extractor" else 1)
            await services.ready()
            storm = Storm(Gray(services, postgres, to_postgres, to_kafka, disk, Random(SEED)), Audit(setting))
            async with telling(services):
                while storm.moments.total() < MOMENTS:
                    await storm.over_an_import(setting, tmp_path)
                await all_caught_up(storm.audit, END_SECONDS)
                await until(lambda: swept(setting), END_SECONDS)
                assert await storm.audit.unfinished() == []
            assert services.ended() == {}, "a service ended by itself"
            codes = await services.stop()
        assert set(codes.values()) == {0}, codes
        await nothing_is_left_over(setting)
    say(f"seed {SEED}: {storm.imports} imports of {CONVERSATIONS:,} conversations, {dict(storm.moments)}")
    say(f"{storm.audit.checked:,} looks at committed records")
