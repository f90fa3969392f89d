"""20,000 passages, a server that fails one call in twenty, and a writer that is killed twice: each passage is
embedded, in batches, in flat memory, and none twice but what was in flight at a kill."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import UUID

import asyncpg
import psutil

from services.writer.filling import AT_ONCE
from shared.postgres.embedded import embedded_postgres
from shared.postgres.embeddings import prepare_embeddings
from shared.postgres.migrate import migrate
from shared.store.store import Store, open_store
from tests.chaos.fire import say
from tests.support.fake_embeddings import FakeEmbeddings, embedding_settings, fake_embeddings
from tests.support.records import PassageOf
from tests.support.waiting import until
from tests.support.writer_alone import writer_alone

PASSAGES = int(os.environ.get("CHAOS_PASSAGES", "20000"))
DIMENSIONS = 768
BATCH = 32
USERS = [UUID(int=number) for number in (0xA, 0xB, 0xC, 0xD)]
GROWTH = 1.15
"""Most that memory may grow from the first tenth of the passages to the last."""


def texts_of(user: UUID) -> list[str]:
    """The passages of a user, of some 8,000 characters each."""
    return [f"{user.int} {n} " + f"word{n % 977} other{n % 89} " * 400 for n in range(PASSAGES // len(USERS))]


async def store_all(store: Store) -> int:
    """Store every passage; how many were new or other than before."""
    written = 0
    for user in USERS:
        texts = texts_of(user)
        for begin in range(0, len(texts), 200):
            rows = [PassageOf(f"c{begin + n}", 0, text) for n, text in enumerate(texts[begin : begin + 200])]
            written += (await store.save_chunks_batch(user, rows)).written
    return written


async def embedded(sql: asyncpg.Connection) -> int:
    return int(await sql.fetchval("SELECT count(embedding) FROM conversation_chunks"))


async def reach(sql: asyncpg.Connection, count: int, process: psutil.Process) -> int:
    """Return when so many are embedded: the most memory the process had until then."""
    peak = 0

    async def has() -> bool:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)
        return await embedded(sql) >= count

    has.__doc__ = f"{count} passages are embedded"
    await until(has, 600.0)
    return peak


async def test_each_passage_is_embedded_once_whatever_fails(tmp_path: Path) -> None:
    whole = PASSAGES // len(USERS) * len(USERS)
    async with (
        embedded_postgres(tmp_path) as dsn,
        fake_embeddings(DIMENSIONS, chances={"429": 0.01, "500": 0.02, "drop": 0.01, "503": 0.01}) as fake,
    ):
        await migrate(dsn)
        await prepare_embeddings(dsn, DIMENSIONS)
        settings = {
            "database_url": dsn,
            "metrics_port": 0,
            "lease_seconds": 3,
            "embeddings_batch": BATCH,
            **embedding_settings(fake),
        }
        sql = await asyncpg.connect(dsn)
        try:
            async with open_store(dsn) as store:
                assert await store_all(store) == whole
                began = time.monotonic()
                for third in (1, 2):
                    with writer_alone(settings) as process:
                        await reach(sql, whole * third // 3, process)
                with writer_alone(settings) as process:
                    early = await reach(sql, whole * 7 // 10, process)
                    late = await reach(sql, whole, process)
                    seconds = time.monotonic() - began
                    assert await store_all(store) == 0
                    calls = fake.calls.total()
                    counts = await store.count_embeddings()
                    assert counts.lacking == 0
                usages = await store.read_embedding_usage()
                counted = sum(usage.passages for usage in usages)
            _each_once(fake, whole)
            assert fake.calls.total() == calls, "an unchanged history costs nothing"
            assert counted == whole
            assert await _are_their_own(sql)
            assert late < early * GROWTH
            say(
                f"{whole:,} passages in {seconds:.1f} s, {fake.calls[200]:,} calls answered and "
                f"{fake.calls.total() - fake.calls[200]:,} failed; again {_again(fake):,}; "
                f"memory {early / 1e6:.0f} MB, then {late / 1e6:.0f} MB"
            )
        finally:
            await sql.close()


def _again(fake: FakeEmbeddings) -> int:
    return sum(fake.served[text] - 1 for text in fake.texts())


def _each_once(fake: FakeEmbeddings, whole: int) -> None:
    assert len(list(fake.texts())) == whole
    assert _again(fake) <= 2 * AT_ONCE * BATCH, "more than was in flight at the two kills"
    assert max(fake.sizes) == BATCH
    assert fake.calls[200] < whole / BATCH * 1.2, "in batches"


async def _are_their_own(sql: asyncpg.Connection) -> bool:
    """Whether texts that differ have embeddings that differ, of the right length: the stand-in's are."""
    found = await sql.fetchrow(
        """SELECT bool_and(abs(vector_norm(embedding) - 1) < 1e-5) AS whole,
                  count(DISTINCT embedding) >= least(900, count(*) / 3) AS several FROM conversation_chunks"""
    )
    return found is not None and found["whole"] and found["several"]
