"""A shadow run leaves what people see as it is: whole, failed, before or after the run beside which it is."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import pytest

from shared.domain.ids import shadow_id
from shared.domain.runs import RunKey, RunKind
from shared.store.chunks import ReadAccount
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import commit, event_of, extracted, fail, take
from tests.support.records import ANNA, IMPORT, PassageOf

SHADOW = event_of(kind=RunKind.SHADOW)
SEEN = (
    "user_profiles", "conversation_chunks", "conversation_runs", "served_memories", "lineages", "callbacks",
    "embedding_usage",
)  # fmt: skip
"""Whatever is shown to somebody, or decides what will be."""


async def seen(sql: asyncpg.Connection) -> dict[str, Sequence[asyncpg.Record]]:
    return {name: await sql.fetch(f"SELECT * FROM {name} ORDER BY 1, 2") for name in SEEN}


async def shadowed(store: Store) -> None:
    """All that a shadow run does, and more than the chunker has it do."""
    assert (await take(store, SHADOW)).kind is RunKind.SHADOW
    key = RunKey(SHADOW.import_id, 1)
    saved = await store.save_chunks_batch(ANNA, [PassageOf(content="changed"), PassageOf("c2")], of_run=key)
    assert (saved.written, saved.deleted) == (0, 0)
    await store.update_progress(*key, 40.0, "chunking")
    account = ReadAccount(vendor="chatgpt", account="chatgpt-1", history="h", conversations=2, chunks=2)
    await extracted(store, SHADOW, accounts=[account], forgotten=["c1", "c2"])
    claim = await store.claim_run(*key, "me", 60)
    assert claim.claimed
    assert await store.mark_published(*key)
    assert (await commit(store, SHADOW, edition=claim.edition)).reason == "shadow"
    assert (await commit(store, SHADOW)).reason == "repeated"


@pytest.mark.parametrize("main", ["at work", "complete"])
async def test_beside_a_run_it_changes_nothing(store: Store, sql: asyncpg.Connection, main: str) -> None:
    event = event_of()
    await take(store, event)
    await store.save_chunks_batch(ANNA, [PassageOf()], of_run=RunKey(IMPORT, 1))
    await extracted(store, event)
    if main == "complete":
        await commit(store, event)
    before = await seen(sql)
    await shadowed(store)
    assert await seen(sql) == before
    if main == "at work":
        assert (await commit(store, event)).written
    assert await kinds.soul(sql) == "primary"
    assert await kinds.owed(sql) == [(IMPORT, "complete")]
    assert (await store.accept_memory(SHADOW.import_id)).reason == "unknown"
    joined = await store.read_joined(SHADOW.import_id, 1, 5)
    assert joined is not None
    assert "chatgpt-1" in [each.lineage for each in joined.parts], "as it would be counted"


async def test_alone_it_leaves_no_profile_and_its_result_is_kept(
    store: Store, sql: asyncpg.Connection
) -> None:
    await shadowed(store)
    assert all(not rows for rows in (await seen(sql)).values())
    version = await sql.fetchrow("SELECT * FROM profile_versions")
    assert version is not None
    assert (version["user_id"], version["kind"], version["memory_md"], version["replaced_at"]) == (
        ANNA,
        "shadow",
        "# Memory 1",
        None,
    )
    documents = await store.read_documents(SHADOW.import_id, 1)
    assert documents is not None
    assert documents.soul_md == "# shadow"
    (row,) = await store.list_runs(shadow_id(IMPORT, "v2"))
    assert (row.state, row.unserved, row.cost) == ("unserved", "shadow", 5.0)


async def test_that_it_fails_is_nobodys_business(store: Store, sql: asyncpg.Connection) -> None:
    await take(store, event_of())
    before = await seen(sql)
    await take(store, SHADOW)
    error = {"step": "s", "message": "m"}
    assert (await commit(store, SHADOW, status="failed", error=error)).reason == "failed"
    again = event_of(2, RunKind.SHADOW)
    await take(store, again)
    await fail(store, again)
    assert await seen(sql) == before
    assert await sql.fetchval("SELECT count(*) FROM imports WHERE kind = 'fallback'") == 0


async def test_it_ends_with_the_run_beside_which_it_is_if_that_is_cancelled(store: Store) -> None:
    await take(store, event_of())
    await take(store, SHADOW)
    await store.cancel_run(IMPORT, 1)
    (row,) = await store.list_runs(SHADOW.import_id)
    assert row.state == "cancelled"
