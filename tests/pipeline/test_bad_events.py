"""Events that are late, twice, wrong or somebody else's: said, counted, and nothing is broken."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY
from shared.store.store import Store
from tests.support.chunks import chunk_of, said
from tests.support.local import LocalSetting
from tests.support.records import memory_of, result_of
from tests.support.services import ended, facts_of, hosted, ignored
from tests.support.waiting import until

TOPICS = {
    IMPORT_RECEIVED: "chunker",
    CHUNKS_READY: "extractor",
    FACTS_EXTRACTED: "consolidator",
    MEMORY_READY: "writer",
}


async def test_duplicates_of_every_event_change_nothing(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with hosted(setting) as host:
        event = await setting.import_of(exports / "small.zip")
        done = await ended(store, event)
        assert done.state == "complete", done
        facts, profile = await facts_of(store, event.user_id), await store.read_profile(event.user_id)
        for name in TOPICS:
            await setting.repeat(name)
        await setting.caught_up(host, *TOPICS.values())
        assert await facts_of(store, event.user_id) == facts
        assert await store.read_profile(event.user_id) == profile
        assert await ended(store, event) == done
        assert ignored(host, "chunker", "complete") == 1
        assert ignored(host, "extractor", "repeated") == done.chunks_total
        assert ignored(host, "consolidator", "repeated") == done.chunks_total
        assert ignored(host, "writer", "repeated") == 1
    assert [setting.reasons(name) for name in TOPICS] == [[]] * len(TOPICS)


async def test_events_of_runs_that_do_not_exist_are_set_aside_with_the_reason(
    setting: LocalSetting, store: Store
) -> None:
    async with hosted(setting):
        await setting.publish(setting.topic(CHUNKS_READY), chunk_of(said("m1", "I live in Porto.")))
        await setting.publish(setting.topic(FACTS_EXTRACTED), result_of(0))
        await setting.publish(setting.topic(MEMORY_READY), memory_of())
        for name in (CHUNKS_READY, FACTS_EXTRACTED, MEMORY_READY):
            await until(lambda name=name: setting.reasons(name) == ["no_such_run"])
    assert await store.list_runs() == []


async def test_an_import_of_another_user_is_refused_and_left_alone(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with hosted(setting):
        event = await setting.import_of(exports / "small.zip")
        done = await ended(store, event)
        await setting.import_of(exports / "small.zip", uuid4(), import_id=event.import_id, run=2)
        await until(lambda: setting.reasons(IMPORT_RECEIVED) == ["foreign"])
        assert (await store.list_runs()) == [done]


async def test_a_strangers_event_of_the_same_chunk_takes_nothing_from_its_owner(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with hosted(setting, ("extractor", "consolidator")):
        event = await setting.import_of(exports / "small.zip")
        await store.take_run(event, setting.pipeline, "")
        whose = {"import_id": event.import_id, "user_id": event.user_id}
        own = chunk_of(said("m1", "I live in Porto.")).model_copy(update=whose)
        strangers = own.model_copy(update={"user_id": uuid4()})
        await setting.publish(setting.topic(CHUNKS_READY), strangers, own, strangers)
        await until(lambda: setting.reasons(CHUNKS_READY) == ["no_such_run"] * 2)
        await until(lambda: setting.published(FACTS_EXTRACTED, 1))
        (result,) = setting.events(FACTS_EXTRACTED)
        theirs = result.model_copy(update={"user_id": strangers.user_id, "index": 1})
        result = result.model_copy(update={"index": 1})
        await setting.publish(setting.topic(FACTS_EXTRACTED), theirs, result, theirs)
        await until(lambda: setting.reasons(FACTS_EXTRACTED) == ["no_such_run"] * 2)
    assert (await store.recorded_chunks(event.import_id, event.run)).count == 2


async def test_a_source_that_cannot_be_read_fails_its_import_with_step_and_error(
    setting: LocalSetting, store: Store, exports: Path, tmp_path: Path
) -> None:
    broken, outside = exports / "broken.zip", tmp_path / "outside.zip"
    broken.write_bytes(b"PK\x03\x04 this is no archive")
    outside.write_bytes((exports / "small.zip").read_bytes())
    user = uuid4()
    sources = {
        str(exports / "gone.zip"): "no such local file where the services run",
        str(outside): "does not lie below an allowed folder",
        str(broken): "cannot be read",
        "https://example.org/export.zip": "URLs are not taken",
        f"exports/{uuid4()}/export.zip": "folder of another user",
        f"exports/{user}/export.zip": "needs the project's URL",
    }
    async with hosted(setting, ("chunker",)):
        for source, reason in sources.items():
            run = await ended(store, await setting.import_of(source, user))
            assert run.state == "failed"
            assert run.error is not None
            assert run.error["step"] == "chunking"
            assert reason in run.error["message"], (source, run.error)
    assert setting.reasons(IMPORT_RECEIVED) == []
    profile = await store.read_profile(user)
    assert profile is not None
    assert profile.full_pass_status == "failed"


async def test_an_older_run_is_ignored_and_a_newer_one_takes_over(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes["import_window"] = 4
    async with hosted(setting, ("chunker",)) as chunker:
        first = await setting.import_of(exports / "large.zip")
        await until(lambda: setting.published(CHUNKS_READY, 4))
        second = await setting.import_of(
            exports / "small.zip", first.user_id, import_id=first.import_id, run=2
        )
        await until(lambda: ignored(chunker, "chunker", "cancelled") == 1)
        await setting.publish(setting.topic(IMPORT_RECEIVED), first, key=str(first.import_id))
        await until(lambda: ignored(chunker, "chunker", "older") == 1)
        async with hosted(setting, ("extractor", "consolidator", "writer")) as others:
            assert (await ended(store, second)).state == "complete"
            await setting.caught_up(others, "extractor")
            assert ignored(others, "extractor", "cancelled") == 4
    assert (await ended(store, first)).state == "cancelled"
