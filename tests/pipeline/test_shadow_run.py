"""A shadow run through all services: the same facts, and nothing of it to be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from shared.domain.events import ImportReceived
from shared.domain.ids import shadow_id
from shared.domain.runs import RunKind
from shared.pipelines import IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

ANA, BEA = UUID(int=0xA), UUID(int=0xB)
SEEN = ("user_profiles", "conversation_chunks", "conversation_runs", "served_memories", "lineages")


async def seen(sql: asyncpg.Connection) -> dict[str, Any]:
    return {name: await sql.fetch(f"SELECT * FROM {name} ORDER BY 1, 2") for name in SEEN}


def shadow_of(event: ImportReceived, **changes: Any) -> ImportReceived:
    """The same export, beside the run of `event`."""
    beside = {"import_id": shadow_id(event.import_id, "v2"), "parent_id": event.import_id}
    return event.model_copy(update=beside | {"kind": RunKind.SHADOW} | changes)


async def test_a_shadow_run_reads_it_all_and_leaves_what_is_seen_as_it_is(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    setting.changes |= {"profile_format": "app"}
    async with hosted(setting):
        event = await setting.import_of(exports / "small.zip", ANA)
        assert (await ended(store, event)).state == "complete"
        before = await seen(sql)
        assert before["conversation_chunks"]
        shadow, alone = shadow_of(event), shadow_of(event, user_id=BEA, import_id=UUID(int=7))
        await setting.publish(setting.topic(IMPORT_RECEIVED), shadow, alone)
        runs = [await ended(store, each) for each in (shadow, alone)]
    assert [(run.state, run.unserved) for run in runs] == [("unserved", "shadow")] * 2
    assert await seen(sql) == before
    reports: list[Any] = [await store.read_run(each.import_id, 1) for each in (event, shadow, alone)]
    assert len({report.facts_extracted for report in reports}) == 1
    main, beside, stranger = reports
    assert main.chunks_cached == stranger.chunks_cached == 0
    assert beside.chunks_cached == beside.chunks_total > 0, "what was paid for is not paid for again"
    documents = [await store.read_documents(each.import_id, 1) for each in (event, shadow)]
    assert documents[0] is not None
    assert documents[0] == documents[1]
