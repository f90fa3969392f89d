"""The event of an import, delivered again while its run is under way: after the reading, and amid it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg

from services.chunker.app import app as chunker
from services.chunker.report import ChunkPolicy
from shared.host.service import Kit, Service
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.exports import START, chain, chains, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

PASSAGES = """
SELECT conversation_id, passage_index, content, xmin::text AS written_by
FROM conversation_chunks WHERE user_id = $1 ORDER BY 1, 2
"""
FAR = ChunkPolicy().passage_batch_bytes // len("So be it. ")
OTHERS = ("extractor", "consolidator", "writer")


def export_of(folder: Path) -> Path:
    """An export that holds two versions of one conversation: the earlier one first, and the later one so far
    behind it that passages in between are stored before it is read."""
    path = folder / "versions.json"
    earlier = chain("I live in Porto.", "Noted!", conversation_id="moved", update_time=START + 100)
    later = chain("I live in Lisbon.", "Noted!", conversation_id="moved", update_time=START + 200)
    between = chain("Tell me all about it.", "So be it. " * FAR, conversation_id="long")
    path.write_bytes(json_of([earlier, between, *chains(20), later]))
    return path


async def test_an_event_that_comes_again_while_the_run_is_extracted_writes_no_passage(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    """The earlier version of a conversation would stand where the later one stood, until the reading comes
    to that: for good, where the run ends meanwhile."""

    async with hosted(setting, ("chunker",)) as host:
        event = await setting.import_of(export_of(exports))
        await setting.caught_up(host, "chunker")
        chunks = setting.events(CHUNKS_READY)
        before = await sql.fetch(PASSAGES, event.user_id)
        assert ["Lisbon" in row["content"] for row in before if row["conversation_id"] == "moved"] == [True]
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        await setting.caught_up(host, "chunker")
        assert await sql.fetch(PASSAGES, event.user_id) == before
        assert setting.events(CHUNKS_READY) == 2 * chunks, "what is not recorded goes out again"
        async with hosted(setting, OTHERS):
            run = await ended(store, event)
    assert (run.state, run.coverage, run.chunks_ok) == ("complete", 1.0, len(chunks)), run
    assert await sql.fetch(PASSAGES, event.user_id) == before


@asynccontextmanager
async def hasty_chunker(kit: Kit) -> AsyncIterator[Service]:
    """The chunker, which does not wait for its import when it is stopped."""
    async with chunker(kit) as service:
        yield replace(service, grace=0.0)


async def test_an_event_that_comes_again_after_a_reading_broke_off_stores_every_passage(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    export = export_of(exports)
    setting.changes |= {"chunk_tokens": 200, "import_window": 1}
    async with hosted(setting, ("chunker",), chunker=hasty_chunker):
        event = await setting.import_of(export)
        await until(lambda: setting.published(CHUNKS_READY, 1))
    (run,) = await store.list_runs(event.import_id)
    assert (run.state, run.chunks_total) == ("chunking", None), "amid the reading"
    setting.lose_log()
    setting.changes["import_window"] = 256
    async with hosted(setting):
        undisturbed = await setting.import_of(export)
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        for each in (undisturbed, event):
            assert (await ended(store, each)).state == "complete"
    whole, again = [await sql.fetch(PASSAGES, each.user_id) for each in (undisturbed, event)]
    assert [row[:3] for row in again] == [row[:3] for row in whole]
    assert ["Lisbon" in row["content"] for row in again if row["conversation_id"] == "moved"] == [True]
