"""Packets swallowed for a minute, with every bound as in production: each service says why it does not go on,
lives, goes on when packets pass again, and stops when told while they do not."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from shared.domain.events import ImportReceived
from shared.pipelines import FACTS_EXTRACTED
from shared.store.store import Store
from tests.exports.generate import generate
from tests.support.audit import READERS
from tests.support.door import Door, address_of, door_to, kafka_door, postgres_at
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.services import Setting, ended, reasons
from tests.support.waiting import until

SAID = {
    "kafka": ("Kafka has not answered|no acknowledgement", ("router", *READERS.values())),
    "postgres": ("the database gave no answer|the database cannot be reached", ("chunker", "consolidator")),
    "claude": ("no answer from the model|no answer in time", ("extractor",)),
}
"""What is told of each, and by whom."""
A_MINUTE = 60.0
GRACE = 45.0
"""Seconds that docs/operations.md asks of who stops a service."""


@asynccontextmanager
async def behind_a_door(kind: str, kafka: Broker, setting: Setting) -> AsyncIterator[Door]:
    """What services of the setting reach of this kind they reach through the door."""
    async with AsyncExitStack() as stack:
        if kind == "kafka":
            door = await stack.enter_async_context(kafka_door(kafka))
            setting.changes["kafka_bootstrap_servers"] = door.address
        elif kind == "postgres":
            door = await stack.enter_async_context(door_to(postgres_at(setting.database)))
            setting.changes["database_url"] = door.dsn(setting.database)
        else:
            claude = await stack.enter_async_context(fake_claude(latency=0.3))
            door = await stack.enter_async_context(door_to(address_of(claude.url)))
            setting.changes |= {
                "model": "claude",
                "anthropic_api_key": "test-key",
                "anthropic_base_url": door.url(claude.url),
            }
        yield door


@pytest.mark.parametrize("kind", SAID)
async def test_packets_swallowed_for_a_minute(
    kind: str, kafka: Broker, database: str, store: Store, fork_server: ForkServer, tmp_path: Path
) -> None:
    setting = Setting(kafka.bootstrap, database, tmp_path)
    setting.changes = {"extract_workers": 0, "chunk_tokens": 1000, "import_window": 8}
    await setting.make_topics()
    generate(tmp_path / "export.json", 400)
    async with behind_a_door(kind, kafka, setting) as door:
        slow = {} if kind == "claude" else {"TUNED_MODEL_SECONDS": "0.3"}
        with fleet(setting, tmp_path, slow, fork_server) as services:
            for service in ("router", *READERS.values()):
                services.start(service)
            await services.ready()
            event = await setting.import_of(tmp_path / "export.json")
            await until(lambda: setting.published(FACTS_EXTRACTED, 20))
            door.swallow()
            silent = time.monotonic()
            pattern, who = SAID[kind]
            for name in who:
                await until(lambda name=name: _says(services, name, pattern), A_MINUTE)
            said = time.monotonic() - silent
            await asyncio.sleep(max(0.0, A_MINUTE - said))  # how long it lasts, not a wait for something
            assert await _pages(services, "/livez") == {200}
            door.open()
            passing = time.monotonic()
            run = await ended(store, event, 300)
            went_on = time.monotonic() - passing
            again = await setting.import_of(tmp_path / "export.json")
            await until(lambda: _begun(store, again))
            door.swallow()
            stopping = time.monotonic()
            codes = await services.stop()
            stopped = time.monotonic() - stopping
    sys.stdout.write(
        f"{kind}: all say so after {said:.0f} s, the import ends {went_on:.0f} s after packets pass again, "
        f"all stop within {stopped:.0f} s\n"
    )
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
    assert set(codes.values()) == {0}
    assert stopped < GRACE
    for name in READERS:
        assert await reasons(setting, name) == []


async def _says(services: Fleet, name: str, pattern: str) -> bool:
    _, text = await asyncio.to_thread(services.members[name].page, "/readyz")
    return re.search(pattern, text) is not None


async def _pages(services: Fleet, path: str) -> set[int]:
    return {(await asyncio.to_thread(each.page, path))[0] for each in services.members.values()}


async def _begun(store: Store, event: ImportReceived) -> bool:
    """The second import is begun"""
    return bool(await store.list_runs(event.import_id))
