"""The services as processes on a Kafka and a Postgres of their own, for figures."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from bench.product import RunFailedError
from shared.domain.events import ImportReceived
from shared.log.kafka.topics import ensure_topics
from shared.pipelines import all_topics, prefixed
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate
from tests.support.fleet import Fleet, Member, fleet
from tests.support.kafka import Broker, ContainerBroker, ExternalBroker, JarBroker, NoKafkaError
from tests.support.services import Setting

WITHOUT_EXTRACTOR = ("router", "chunker", "consolidator", "writer")
END_SECONDS = 600.0
LOOK_SECONDS = 0.02
"""Between two looks at the database."""
CALM_LOOK_SECONDS = 0.25
"""The same where the database tells the times: looking takes processor time from what is measured."""


@dataclass
class Line:
    """A running line of services over an empty database."""

    services: Fleet
    sql: asyncpg.Connection

    async def submit(self, export: Path) -> ImportReceived:
        """Publish an import behind the router."""
        return await self.services.setting.import_of(export, uuid4())

    async def results(self, event: ImportReceived) -> int:
        """How many chunks of an import are recorded."""
        found = await self.sql.fetchval(
            "SELECT chunks_ok + chunks_dead FROM imports WHERE import_id = $1", event.import_id
        )
        return int(found or 0)

    async def reached(self, event: ImportReceived, count: int) -> float:
        """When so many chunks of an import were first seen recorded."""
        return await self._when(event, count)

    async def ended(self, event: ImportReceived, look: float = LOOK_SECONDS) -> tuple[float, Any]:
        """When an import was first seen complete, and its row. Raises RunFailedError if it ends otherwise."""
        when = await self._when(event, None, look)
        row = await self.sql.fetchrow("SELECT * FROM imports WHERE import_id = $1", event.import_id)
        if row["state"] != "complete" or row["chunks_dead"]:
            raise RunFailedError(f"the import ended {row['state']}, {row['chunks_dead']} chunks dead")
        return when, row

    async def _when(self, event: ImportReceived, count: int | None, look: float = LOOK_SECONDS) -> float:
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            row = await self.sql.fetchrow(
                "SELECT chunks_ok + chunks_dead AS done, "
                "state IN ('complete', 'failed', 'cancelled') AS ended FROM imports WHERE import_id = $1",
                event.import_id,
            )
            if row is not None and (row["ended"] if count is None else row["done"] >= count):
                return time.monotonic()
            await asyncio.sleep(look)
        ended = self.services.ended()
        raise RunFailedError(
            f"the import did not get that far in {END_SECONDS:.0f} s; ended services: {ended}"
        )


@contextmanager
def broker() -> Iterator[Broker]:
    """A Kafka: the one of KAFKA_BOOTSTRAP_SERVERS, or one of our own. Raises RunFailedError."""
    if bootstrap := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield ExternalBroker(bootstrap)
        return
    reasons = []
    with ExitStack() as stack:
        for way in (JarBroker, ContainerBroker):
            try:
                found = way()
            except NoKafkaError as error:
                reasons.append(f"{way.__name__}: {error}")
                continue
            stack.callback(found.close)
            yield found
            return
    raise RunFailedError(f"no Kafka: {'; '.join(reasons)}")


@asynccontextmanager
async def line(
    kafka: Broker,
    roots: Path,
    *,
    extractors: int = 1,
    model_seconds: float = 0.0,
    instant: bool = False,
    **settings: object,
) -> AsyncIterator[Line]:
    """Every service, one process each, but so many extractors; ready. `roots` is where exports lie.

    The offline model takes `model_seconds` a call; `instant` puts one in its place that takes no time at all.
    """
    with tempfile.TemporaryDirectory(prefix="soulprint-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        async with embedded_postgres(home) as dsn:
            await migrate(dsn)
            setting = Setting(kafka.bootstrap, dsn, roots)
            setting.changes = {"sweep_seconds": 10, "extract_workers": 0, **settings}
            admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
            await admin.start()
            try:
                await ensure_topics(admin, prefixed(all_topics(setting.pipeline), setting.prefix))
            finally:
                await admin.close()
            tuning: dict[str, str] = {"TUNED_MODEL_SECONDS": str(model_seconds)} if model_seconds else {}
            if instant:
                tuning["TUNED_MODEL_INSTANT"] = "1"
            with fleet(setting, Path(folder), tuning) as services:
                for service in WITHOUT_EXTRACTOR:
                    services.start(service)
                services.start_many("extractor", extractors)
                await services.ready(120.0)
                sql = await asyncpg.connect(dsn)
                try:
                    yield Line(services, sql)
                finally:
                    await sql.close()


def peak_bytes(member: Member) -> int:
    """The most memory that a process ever had resident, as the system counted it."""
    status = Path(f"/proc/{member.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        raise RunFailedError("the system does not say what the peak of a process was")
    return int(found[1]) * 1024
