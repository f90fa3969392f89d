"""What the chunker does with the run of a replay: exactly the chunks without a result go out again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.exports import Json, json_of
from tests.support.local import LocalSetting
from tests.support.replayed_chunks import Counting, begin_replay, extracted, forget, read_by, spoil
from tests.support.services import ended, hosted, ignored
from tests.support.waiting import until

DEAD, MISSING = [0, 3, 8], [5, 11]
SMALL = {"chunk_tokens": 600}
"""Makes some twenty chunks of the small export."""


def conversations(exports: Path) -> list[Json]:
    """Those of the small export."""
    with ZipFile(exports / "small.zip") as archive:
        found: list[Json] = json.loads(archive.read("conversations.json"))
    return found


async def complete(setting: LocalSetting, store: Store, source: Path) -> ImportReceived:
    """The event of an import that is complete."""
    setting.changes |= SMALL
    async with hosted(setting):
        event = await setting.import_of(source)
        assert (await ended(store, event)).state == "complete"
    setting.lose_log()
    return event


async def replayed(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, base: ImportReceived, which: Sequence[str]
) -> tuple[ImportReceived, list[int], list[int]]:
    """The replay of a run, driven to its end: its event, the chunks published, those asked of the model."""
    event = await begin_replay(sql, base, which=which)
    model = Counting()
    async with hosted(setting, extractor=read_by(model)):
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        await ended(store, event)
        published = [chunk.index for chunk in setting.events(CHUNKS_READY)]
    setting.lose_log()
    return event, sorted(published), sorted(model.asked)


@pytest.mark.slow
async def test_exactly_the_dead_and_the_missing_chunks_are_asked_for(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    base = await complete(setting, store, exports / "small.zip")
    facts = await extracted(sql, base)
    passages = await sql.fetch("SELECT * FROM conversation_chunks ORDER BY id")
    await spoil(sql, base, DEAD, MISSING)
    event, published, asked = await replayed(setting, store, sql, base, ["dead"])
    assert published == asked == DEAD
    run = await ended(store, event)
    assert (run.state, run.chunks_dead) == ("complete", len(MISSING)), "what was missing was not asked for"
    event, published, asked = await replayed(setting, store, sql, event, ["missing"])
    assert published == asked == MISSING
    run = await ended(store, event)
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0)
    assert await extracted(sql, event) == facts
    assert await sql.fetch("SELECT * FROM conversation_chunks ORDER BY id") == passages


async def test_a_whole_replay_at_the_same_model_calls_it_for_nothing(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    base = await complete(setting, store, exports / "small.zip")
    facts = await extracted(sql, base)
    event, published, asked = await replayed(setting, store, sql, base, ["all"])
    assert (await ended(store, event)).state == "complete"
    assert (published, asked) == (list(range(len(published))), [])
    assert await extracted(sql, event) == facts


@pytest.mark.slow
async def test_a_source_that_is_gone_or_another_fails_the_run_and_nothing_goes_out(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    source = exports / "changing.json"
    source.write_bytes(json_of(conversations(exports)))
    base = await complete(setting, store, source)
    served = await store.read_profile(base.user_id)
    changed = conversations(exports)
    changed[0]["title"] = "Another title"
    for content, said in (
        (json.dumps(changed), "the source has changed since run 1 read it (its chunk 0 is another)"),
        (json.dumps(conversations(exports)[:-3]), "the source has changed since run"),
        ("[]", "the source has changed since run 1 read it (it makes 0 chunks"),
        ("not an export", "of 1 chunks no text is on the log any more, and the source cannot be read: "),
        (None, "of 1 chunks no text is on the log any more, and the source cannot be read: "),
    ):
        if content is None:
            source.unlink()
        else:
            source.write_text(content)
        await spoil(sql, base, [1], [])
        event, published, _ = await replayed(setting, store, sql, base, ["dead"])
        run = await ended(store, event)
        assert run.state == "failed"
        assert run.error is not None
        assert run.error["at_fault"]
        assert run.error["message"].startswith(said), run.error
        assert published == []
        await forget(sql, event)
    assert await store.read_profile(base.user_id) == served


@pytest.mark.slow
async def test_an_interrupted_replay_goes_on_where_it_was_and_records_a_chunk_once(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    """Its event comes twice; what it published first is lost; then the sweeper drives it."""
    base = await complete(setting, store, exports / "small.zip")
    facts = await extracted(sql, base)
    dead = list(range(2, 12))
    await spoil(sql, base, dead, [])
    event = await begin_replay(sql, base, which=["dead"])
    setting.changes["import_window"] = 16
    window = setting.settings().window_of("replay")
    async with hosted(setting, ("chunker",)):
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        await until(lambda: setting.published(CHUNKS_READY, window))
    assert [chunk.index for chunk in setting.events(CHUNKS_READY)] == dead[:window]
    setting.lose_log()
    del setting.changes["import_window"]
    async with hosted(setting, ("chunker",)) as host:
        await setting.publish(setting.topic(IMPORT_RECEIVED), event, event)
        await setting.caught_up(host, "chunker")
    twice = setting.events(CHUNKS_READY)
    assert [chunk.index for chunk in twice] == dead + dead
    setting.lose_log()
    setting.changes |= {"stall_seconds": 0.3, "sweep_seconds": 0.1}
    model = Counting()
    async with hosted(setting, extractor=read_by(model)) as host:
        await setting.publish(setting.topic(CHUNKS_READY), *twice[: len(dead) // 2], *twice[len(dead) :][:3])
        run = await ended(store, event)
        await setting.caught_up(host, "extractor")
    assert (run.state, run.coverage, run.chunks_ok) == ("complete", 1.0, run.chunks_total)
    assert set(model.asked) == set(dead)
    assert await extracted(sql, event) == facts


async def test_an_event_of_a_replay_from_its_memory_is_ignored(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    base = await complete(setting, store, exports / "small.zip")
    event = await begin_replay(sql, base, stage="memory")
    async with hosted(setting, ("chunker",)) as host:
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        await until(lambda: ignored(host, "chunker", "extracted") == 1)
        assert setting.events(CHUNKS_READY) == []


async def test_what_is_missing_of_a_run_that_was_not_read_to_its_end_is_read_of_the_same_export_only(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    source = exports / "unread.json"
    source.write_bytes(json_of(conversations(exports)))
    base = await complete(setting, store, source)
    facts = await extracted(sql, base)
    total = (await ended(store, base)).chunks_total or 0
    await spoil(sql, base, [], [total - 1])
    await sql.execute(
        "UPDATE imports SET state = 'failed', chunks_total = NULL, chunked_at = NULL, accounts = '[]'"
    )
    event, published, asked = await replayed(setting, store, sql, base, ["missing"])
    assert published == asked == [total - 1]
    run = await ended(store, event)
    assert (run.state, run.chunks_total, run.coverage) == ("complete", total, 1.0)
    assert await extracted(sql, event) == facts
    await forget(sql, event)
    changed = conversations(exports)
    changed[0]["title"] = "Another title"
    source.write_text(json.dumps(changed))
    event, published, _ = await replayed(setting, store, sql, base, ["missing"])
    run = await ended(store, event)
    assert (run.state, published) == ("failed", [])
    assert run.error is not None
    assert "the source has changed" in run.error["message"]


async def test_chunks_stage_reads_the_export_as_any_run(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    """With the settings of today, whatever stood in the export before."""
    source = exports / "anew.json"
    source.write_bytes(json_of(conversations(exports)))
    base = await complete(setting, store, source)
    source.write_bytes(json_of(conversations(exports)[:-3]))
    setting.changes["chunk_tokens"] = 1000
    event = await begin_replay(sql, base, stage="chunks", which=["all"])
    async with hosted(setting):
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        run = await ended(store, event)
    assert (run.state, run.coverage) == ("complete", 1.0)
    assert (run.chunks_total or 0) < ((await ended(store, base)).chunks_total or 0)
