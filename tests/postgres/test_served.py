"""What a commit serves, what it keeps beside, and how the person has it served all the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.events import Sections
from shared.domain.runs import RunKey
from shared.domain.sections import Soul
from shared.store.chunks import Chunking
from shared.store.profiles import Accepted, Commit, Profile
from shared.store.runs import RunReport, RunRow
from shared.store.store import Store
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    SEED,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    section_shown,
    with_matter,
)
from tests.support.runs import begin_run

SECOND = uuid5(SEED, "second")
BREAKS = [{"file": "conversations.json", "place": "byte 9", "reason": "it ends inside a string"}]
WHOLE = [f"c{n}" for n in range(10)]


async def run_of(
    store: Store,
    import_id: UUID,
    conversations: list[str],
    *,
    breaks: Any = (),
    replace: bool = False,
    **memory: Any,
) -> Commit:
    """A whole run with a fact in each of these conversations, committed."""
    asked = await store.accept_import(import_id, ANNA, "/a.zip", "v2", on_log=False, replace=replace)
    run = (await begin_run(store, import_id, ANNA, "/a.zip", "v2")).run
    assert asked.run == run
    await store.save_chunks_batch(
        ANNA, [PassageOf(name) for name in conversations], of_run=RunKey(import_id, run)
    )
    facts = [fact_of(f"{name} {import_id} {run}", conversation_id=name) for name in conversations]
    result = result_of(0, facts, import_id=import_id, run=run)
    await store.record_chunks([with_matter(result)], model=MODEL, prompt_version=PROMPTS)
    await store.finish_chunking(import_id, run, Chunking(total=1, breaks=breaks))
    return await commit(
        store,
        memory_of(run, import_id=import_id, **{"memory_md": f"memory of {len(conversations)}"} | memory),
    )


async def profile_of(store: Store) -> Profile:
    profile = await store.read_profile(ANNA)
    assert profile is not None
    return profile


async def told(store: Store, import_id: UUID, run: int = 1) -> tuple[RunRow, RunReport]:
    (row,) = [each for each in await store.list_runs(import_id) if each.run == run]
    report = await store.read_run(import_id, run)
    assert report is not None
    return row, report


async def test_an_older_run_is_not_told_as_complete_and_its_documents_are_its_own(store: Store) -> None:
    days_ago = datetime.now(UTC) - timedelta(days=3)
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", requested_at=days_ago)
    await run_of(store, SECOND, WHOLE)
    assert await commit(store, memory_of(memory_md="older")) == Commit(False, "older")
    row, report = await told(store, IMPORT)
    assert (row.state, row.stage, row.unserved, row.ended) == ("unserved", "unserved", "older", True)
    assert (report.state, report.unserved, report.served) == ("unserved", "older", RunKey(SECOND, 1))
    own = await store.read_documents(IMPORT, 1)
    assert own is not None
    assert (own.memory_md, own.soul_md) == ("older", section_shown("soul"))
    assert (await profile_of(store)).memory_md == "memory of 10"
    assert (await profile_of(store)).full_pass_status == "complete"


async def test_documents_of_a_run_are_found_when_served_and_when_replaced(store: Store) -> None:
    await run_of(store, IMPORT, WHOLE)
    await run_of(store, IMPORT, WHOLE[1:])
    for run, count in ((1, 10), (2, 9)):
        documents = await store.read_documents(IMPORT, run)
        assert documents is not None
        assert documents.memory_md == f"memory of {count}"
    assert await store.read_documents(IMPORT, 3) is None
    row, report = await told(store, IMPORT)
    assert (row.state, report.state, report.unserved) == ("complete", "complete", None)


LOSSES: dict[str, tuple[list[str], Any, bool]] = {
    "cut off": (WHOLE[:8], BREAKS, True),
    "cut off, little lost": (WHOLE[:9], BREAKS, False),
    "an old export of the same history": (WHOLE[:4], (), True),
    "half of the conversations": (WHOLE[:5], (), False),
    "a small export of another history": (["other"], (), False),
    "a broken export of another history": (["other"], BREAKS, True),
    "an empty export": ([], (), True),
    "other parts of the same history": ([*WHOLE[:4], "new", "newer", "newest"], (), False),
}


@pytest.mark.parametrize("case", LOSSES)
async def test_a_memory_that_would_lose_much_is_kept_beside_the_served_one(store: Store, case: str) -> None:
    conversations, breaks, kept_beside = LOSSES[case]
    await run_of(store, IMPORT, WHOLE)
    commit = await run_of(store, SECOND, conversations, breaks=breaks)
    assert commit == (Commit(False, "smaller") if kept_beside else Commit(True, None))
    row, report = await told(store, SECOND)
    profile = await profile_of(store)
    assert row.breaks == len(breaks)
    if kept_beside:
        assert (row.state, report.unserved, report.served) == ("unserved", "smaller", RunKey(IMPORT, 1))
        assert (profile.memory_md, profile.full_pass_status) == ("memory of 10", "failed")
        assert "kept beside" in (profile.full_pass_error or "")
        assert [user.state for user in await store.list_users()] == ["unserved"]
        documents = await store.read_documents(SECOND, 1)
        assert documents is not None
        assert documents.memory_md == f"memory of {len(conversations)}"
    else:
        assert (row.state, profile.import_id, profile.full_pass_status) == ("complete", SECOND, "complete")


async def test_the_same_breaks_again_are_nothing_new(store: Store) -> None:
    await run_of(store, IMPORT, WHOLE, breaks=BREAKS)
    assert (await run_of(store, IMPORT, WHOLE[:1], breaks=BREAKS * 2)).reason == "smaller"
    assert (await run_of(store, IMPORT, WHOLE[:1], breaks=BREAKS)).written


async def test_what_is_meant_to_replace_replaces(store: Store) -> None:
    await run_of(store, IMPORT, WHOLE)
    assert (await run_of(store, SECOND, WHOLE[:1], breaks=BREAKS, replace=True)).written


async def test_a_memory_kept_beside_is_served_once_accepted_and_the_other_way_round(
    store: Store, sql: asyncpg.Connection
) -> None:
    await run_of(store, IMPORT, WHOLE)
    await run_of(store, SECOND, WHOLE[:4], breaks=BREAKS)
    assert await store.accept_memory(SECOND) == Accepted(True, 1, None)
    profile = await profile_of(store)
    assert (profile.memory_md, profile.import_id, profile.full_pass_status, profile.full_pass_error) == (
        "memory of 4",
        SECOND,
        "complete",
        None,
    )
    assert len(await store.list_facts(ANNA)) == 4
    row, report = await told(store, SECOND)
    assert (row.state, report.unserved) == ("complete", None)
    assert await store.accept_memory(SECOND) == Accepted(False, 1, "served")
    assert (await store.accept_memory(IMPORT)).written
    assert (await profile_of(store)).memory_md == "memory of 10"
    assert len(await store.list_facts(ANNA)) == 10
    assert await store.accept_memory(uuid5(SEED, "none")) == Accepted(False, None, "unknown")
    assert await sql.fetchval("SELECT count(*) FROM profile_versions") == 1


async def test_accepting_does_not_end_what_is_under_way(store: Store) -> None:
    await run_of(store, IMPORT, WHOLE)
    await run_of(store, SECOND, [], breaks=BREAKS)
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    assert (await store.accept_memory(SECOND)).written
    assert (await profile_of(store)).full_pass_status == "processing"


async def test_a_run_without_memory_or_sections_keeps_those_that_are_there(store: Store) -> None:
    await run_of(store, IMPORT, WHOLE)
    await begin_run(store, SECOND, ANNA, "/b.zip", "v3")
    assert (await commit(store, memory_of(import_id=SECOND, memory_md=None))).written
    profile = await profile_of(store)
    assert (profile.memory_md, profile.soul_md, profile.import_id, profile.pipeline) == (
        "memory of 10",
        section_shown("soul"),
        SECOND,
        "v3",
    )
    facts = await store.list_facts(ANNA)
    assert len(facts) == 10, "the facts are those of the memory"
    assert await store.find_fact(ANNA, str(facts[0].id)) == [facts[0]]
    await begin_run(store, uuid5(SEED, "third"), ANNA, "/c.zip", "v3")
    others = Sections(soul=Soul(boundaries="third"), user=None)
    third = memory_of(import_id=uuid5(SEED, "third"), memory_md=None, sections=others)
    await commit(store, third)
    profile = await profile_of(store)
    assert "third" in (profile.soul_md or "")
    assert (profile.user_md, profile.memory_md) == (section_shown("user"), "memory of 10")
    assert profile.soulprint_text == f"{profile.soul_md}\n\n{profile.user_md}"
    await begin_run(store, uuid5(SEED, "fourth"), ANNA, "/d.zip", "v3")
    none = Sections(soul=None, identity=None, user=None, agents=None, tools=None)
    fourth = memory_of(import_id=uuid5(SEED, "fourth"), memory_md=None, sections=none)
    assert (await commit(store, fourth, profile_format="app")).written
    profile = await profile_of(store)
    assert json.loads(profile.soul_md or "")["boundaries"] == "third", "what stays is in the new form"
    assert json.loads(profile.user_md or "")["name"] == "user 1"
    assert (await store.read_profile(BORIS)) is None
