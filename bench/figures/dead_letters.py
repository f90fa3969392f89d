"""Dead letters: how long ten thousand take to be found, listed and put back, in memory that does not grow."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from bench.figure import Figure, at_least, at_most
from bench.line import broker
from bench.process import Measured, measure
from bench.product import RunFailedError
from bench.session import Session
from shared.domain import ids
from shared.domain.events import ChunkReady
from shared.log.kafka.cloudevents import encode
from shared.pipelines import CHUNKS_READY
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate
from tests.support.chunks import chunk_of, said
from tests.support.services import Setting, hosted
from tests.support.waiting import until

MANY, FEW = 10_000, 1_000
OF_ONE = 100
"""Dead chunks of one import."""
WORDS = "I live in Porto, near the river, and I work as a nurse at night. "
MESSAGE = WORDS * 150
"""As much as a chunk holds."""
LIST_SECONDS = 1.0
RATE = 1_000
GROWTH = 1.15


def figures(session: Session) -> Iterator[Figure]:
    """Times of whole commands, as processes; their start, some 0.4 s, is part of them."""
    with broker() as kafka:
        few = asyncio.run(_measured(kafka.bootstrap, session.scratch / "few", FEW))
        many = asyncio.run(_measured(kafka.bootstrap, session.scratch / "many", MANY))
    found, listed, requeued = many
    yield at_least(f"dead letters found, of {MANY:,}", MANY / found, RATE, "letters/s")
    yield at_most(f"dead list, {MANY:,} letters", listed.seconds, LIST_SECONDS, "s", "the whole command")
    yield at_least(f"dead requeue, {MANY:,} letters", MANY / requeued.seconds, RATE, "letters/s", "the same")
    yield Figure("dead requeue, memory", requeued.peak_rss_bytes / 1e6, "MB")
    growth = requeued.peak_rss_bytes / few[2].peak_rss_bytes
    yield at_most(f"dead requeue, memory growth from {FEW:,}", growth, GROWTH)


async def _measured(bootstrap: str, home: Path, count: int) -> tuple[float, Measured, Measured]:
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    async with embedded_postgres(home) as dsn:
        await migrate(dsn)
        setting = Setting(bootstrap, dsn, home, changes={"dead_letter_seconds": 0.1, "extract_workers": 0})
        await setting.make_topics()
        await _bury(setting, dsn, count)
        connection = await asyncpg.connect(dsn)
        try:
            begun = time.monotonic()
            async with hosted(setting, ("consolidator",)):

                async def are_known() -> bool:
                    return bool(await connection.fetchval("SELECT count(*) FROM dead_letters") == count)

                await until(are_known, 120.0)
                found = time.monotonic() - begun
        finally:
            await connection.close()
        listed = await asyncio.to_thread(_command, setting, "dead", "list", "--json")
        (group,) = json.loads(listed.stdout)["groups"]
        requeued = await asyncio.to_thread(
            _command, setting, "dead", "requeue", "--reason-is", "timeout", "--reason", "bench", "--json"
        )
        if (group["open"], json.loads(requeued.stdout)["requeued"]) != (count, count):
            raise RunFailedError(f"{count:,} letters were put there: {listed.stdout} {requeued.stdout}")
        return found, listed, requeued


def _command(setting: Setting, *arguments: str) -> Measured:
    done = measure([sys.executable, "-m", "soulprint", *arguments], os.environ | setting.environment())
    if done.returncode:
        raise RunFailedError(f"soulprint {' '.join(arguments)}: {done.stderr}{done.stdout}")
    return done


async def _bury(setting: Setting, dsn: str, count: int) -> None:
    """Imports that are complete but for their dead chunks, and a letter of each of these."""
    connection = await asyncpg.connect(dsn)
    producer = AIOKafkaProducer(bootstrap_servers=setting.bootstrap, linger_ms=5, max_batch_size=512 * 1024)
    await producer.start()
    try:
        sent: list[Any] = []
        for _ in range(count // OF_ONE):
            import_id, user_id = uuid4(), uuid4()
            await connection.execute(_RUN, import_id, user_id, OF_ONE)
            for index in range(OF_ONE):
                chunk = _chunk(import_id, user_id, index)
                value, headers = encode(chunk, source="chunker", pipeline=setting.pipeline)
                letter = [(f"dlq_{name}", text.encode()) for name, text in _provenance(len(sent)).items()]
                to = setting.topic(CHUNKS_READY, dead=True)
                key = str(chunk.chunk_id).encode()
                sent.append(await producer.send(to, value, key=key, headers=[*letter, *headers]))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
        await connection.close()


def _chunk(import_id: UUID, user_id: UUID, index: int) -> ChunkReady:
    chunk = chunk_of(said(f"m{index}", MESSAGE))
    whose = {"import_id": import_id, "user_id": user_id, "index": index}
    return chunk.model_copy(
        update=whose | {"chunk_id": ids.stage_id(import_id, "v2", 1, "chunk", index), "run": 1, "total": None}
    )


def _provenance(number: int) -> dict[str, str]:
    return {
        "id": str(uuid4()),
        "reason": "timeout",
        "error_class": "TimeoutError",
        "attempts": "5",
        "stage": "extractor",
        "partition": "0",
        "offset": str(number),
    }


_RUN = """
WITH run AS (
    INSERT INTO imports (import_id, run, user_id, pipeline, source, state, on_log, chunks_total, chunks_ok,
                         chunks_dead, coverage, chunked_at, published_at, finished_at)
    VALUES ($1, 1, $2, 'v2', '/gone.zip', 'complete', true, 20 * $3::integer, 19 * $3, $3, 0.95, now(), now(),
            now())
)
INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status)
SELECT $1, 1, k, gen_random_uuid(), $2, 'h' || k, CASE WHEN k < $3 THEN 'dead' ELSE 'ok' END
FROM generate_series(0, 20 * $3 - 1) k
"""
