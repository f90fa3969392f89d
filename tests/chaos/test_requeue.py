"""kill -9 of `soulprint dead requeue` at random moments of it, while the services read what it puts back: no
letter is left out, at most a batch a kill is put back twice, and every import ends whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from shared.domain import ids
from shared.domain.events import ChunkReady
from shared.log.kafka.cloudevents import encode
from shared.pipelines import CHUNKS_READY
from shared.store.store import Store
from soulprint.dead.putting_back import BATCH, LEASE
from tests.chaos.fire import END_SECONDS, say
from tests.support.chunks import chunk_of, said
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.ops import CommandOf, command_of
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, hosted
from tests.support.waiting import until

__all__ = ["command_of"]
KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
IMPORTS = 20
OF_ONE = 100
"""Dead chunks of each import, and letters."""
LETTERS = IMPORTS * OF_ONE
SEED = int(os.environ.get("CHAOS_SEED", "1"))
_RUN = """
WITH run AS (
    INSERT INTO imports (import_id, run, user_id, pipeline, source, state, on_log, chunks_total, chunks_ok,
                         chunks_dead, coverage, chunked_at, published_at, finished_at)
    VALUES ($1, 1, $2, 'v2', '/gone.zip', 'complete', true, 2 * $3::integer, $3, $3, 0.5, now(), now(), now())
)
INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status)
SELECT $1, 1, k, gen_random_uuid(), $2, 'h' || k, CASE WHEN k < $3 THEN 'dead' ELSE 'ok' END
FROM generate_series(0, 2 * $3 - 1) k
"""


def _chunk(import_id: UUID, user_id: UUID, index: int) -> ChunkReady:
    whose: dict[str, Any] = {"import_id": import_id, "user_id": user_id, "index": index, "run": 1}
    chunk_id = ids.stage_id(import_id, "v2", 1, "chunk", index)
    more = {"chunk_id": chunk_id, "total": None, "content_hash": f"{index:04x}"}
    return chunk_of(said(f"m{index}", f"I live at number {index}.")).model_copy(update=whose | more)


async def _bury(setting: Setting, sql: asyncpg.Connection) -> Counter[bytes]:
    """What lies on the log, each once."""
    producer = AIOKafkaProducer(bootstrap_servers=setting.bootstrap, linger_ms=5)
    await producer.start()
    buried: Counter[bytes] = Counter()
    try:
        sent = []
        for _ in range(IMPORTS):
            import_id, user_id = uuid4(), uuid4()
            await sql.execute(_RUN, import_id, user_id, OF_ONE)
            for index in range(OF_ONE):
                chunk = _chunk(import_id, user_id, index)
                value, headers = encode(chunk, source="chunker", pipeline=setting.pipeline)
                said_of_it = [("dlq_id", str(uuid4()).encode()), ("dlq_reason", b"timeout")]
                key = str(chunk.chunk_id).encode()
                buried[key] += 1
                to = setting.topic(CHUNKS_READY, dead=True)
                sent.append(await producer.send(to, value, key=key, headers=[*said_of_it, *headers]))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return buried


async def test_kills_of_a_requeue_leave_nothing_out_and_put_back_at_most_a_batch_twice(
    kafka: Broker,
    database: str,
    store: Store,
    sql: asyncpg.Connection,
    fork_server: ForkServer,
    command_of: CommandOf,
    tmp_path: Path,
) -> None:
    random = Random(SEED)
    changes = {"dead_letter_seconds": 0.2, "extract_workers": 0, "min_coverage": 0.1, "sweep_seconds": 0.5}
    setting = Setting(kafka.bootstrap, database, tmp_path, changes=changes)
    await setting.make_topics()
    buried = await _bury(setting, sql)
    command = command_of(setting)

    async def open_letters() -> int:
        return int(await sql.fetchval("SELECT count(*) FROM dead_letters WHERE state = 'open'"))

    async def reopened_runs() -> int:
        return int(await sql.fetchval("SELECT count(*) FROM imports WHERE reopened_at IS NOT NULL"))

    def begin() -> Any:
        return command.start("dead", "requeue", "--reason-is", "timeout", "--reason", "mended", "--json")

    async with hosted(setting, ("extractor", "consolidator", "writer")):

        async def are_known() -> bool:
            return await open_letters() == LETTERS

        await until(are_known, END_SECONDS)
        for kill in range(KILLS):
            before, reopened = await open_letters(), await reopened_runs()
            if not before:
                break
            process = begin()

            async def at_work(
                before: int = before, reopened: int = reopened, process: Any = process, early: int = kill % 3
            ) -> bool:
                """It has begun; or has opened a run again; or has put something back."""
                if process.poll() is not None:
                    return True
                if early == 0:
                    return bool(await sql.fetchval("SELECT count(*) FROM leases WHERE name = $1", LEASE))
                return await open_letters() < before or (early == 1 and await reopened_runs() > reopened)

            await until(at_work, END_SECONDS)
            await asyncio.sleep(random.uniform(0.0, 0.1))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.communicate, 10.0)
            say(f"kill {kill + 1}: {before} to {await open_letters()} open")
            # As if its term was over: one that was killed is waited for.
            await sql.execute("DELETE FROM leases WHERE name = $1", LEASE)
        process = begin()
        out, err = await asyncio.to_thread(process.communicate, END_SECONDS)
        assert process.code == 0, (out, err)
        assert await open_letters() == 0

        async def all_are_whole() -> bool:
            return bool(
                await sql.fetchval(
                    "SELECT bool_and(state = 'complete' AND coverage = 1 AND chunks_dead = 0) FROM imports"
                )
            )

        await until(all_are_whole, END_SECONDS)
    counted = await sql.fetchval(
        "SELECT count(*) FROM imports i WHERE chunks_ok <> (SELECT count(*) FROM chunk_results r"
        " WHERE r.import_id = i.import_id AND r.status = 'ok')"
    )
    assert counted == 0
    records = await read_all(setting.bootstrap, setting.topic(CHUNKS_READY), PARTITIONS)
    put_back = Counter(record.key for record in records)
    assert put_back.keys() == buried.keys()
    twice = put_back.total() - buried.total()
    say(f"{twice} of {LETTERS} were put back twice in {KILLS} kills")
    assert twice <= KILLS * BATCH
