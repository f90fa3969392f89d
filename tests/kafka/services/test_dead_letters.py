"""Dead letters on Kafka: found, listed, shown, put back on their topics, or why not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED, MEMORY_READY
from shared.store.dead_letters import LetterFilter
from shared.store.store import Store
from tests.kafka.services.buried import BROKEN, bury, known, picky, wired
from tests.support.chunks import chunk_of, said
from tests.support.ops import CommandOf
from tests.support.records import memory_of
from tests.support.replica import event, read_all
from tests.support.services import Setting, ended, hosted
from tests.support.waiting import until

WORDS = "My secret is that I live in Porto"


@pytest.fixture
async def setting(setting: Setting) -> Setting:
    setting.changes["dead_letter_seconds"] = 0.2
    return setting


@pytest.mark.slow
async def test_letters_are_found_listed_and_shown_and_what_is_of_no_use_is_refused(
    setting: Setting, store: Store, command_of: CommandOf
) -> None:
    command = command_of(setting)
    async with hosted(setting, ("extractor", "consolidator")):
        poison = chunk_of(said("m1", WORDS))  # of a run that nobody knows
        value, headers = wired(poison)
        await setting.send_raw(CHUNKS_READY, value, str(poison.chunk_id).encode(), headers)
        # As if it was mended: a record that nobody can judge from here.
        odd = (b'{"import_id": "' + WORDS.encode() + b'"}', [("ce_id", b"an odd one")])
        await setting.send_raw(CHUNKS_READY, *odd[:1], b"k", odd[1])
        rows = {row.reason: row for row in await known(store, 2)}
        (row, odd_row) = (rows["no_such_run"], rows["missing_header"])
        assert (row.import_id, row.user_id, row.run) == (poison.import_id, poison.user_id, poison.run)
        assert (row.chunk_id, row.topic, row.stage) == (poison.chunk_id, "chunks.ready.v2", "extractor")
        listed = (await asyncio.to_thread(command, "dead", "list", "--open", "--json")).json()
        assert {(g["topic"], g["reason"], g["open"]) for g in listed["groups"]} == {
            ("chunks.ready.v2", "no_such_run", 1),
            ("chunks.ready.v2", "missing_header", 1),
        }
        assert listed["led"]
        shown = await asyncio.to_thread(command, "dead", "show", str(row.id))
        assert shown.code == 0, shown.err
        assert "Porto" not in shown.out
        assert f"<{len(WORDS)} characters>" in shown.out
        assert await store.read_audit(str(row.id)) == []
        text = await asyncio.to_thread(command, "dead", "show", str(row.id), "--text", "--by", "anna")
        assert WORDS in text.out
        assert [(a.who, a.what) for a in await store.read_audit(str(row.id))] == [
            ("anna", "dead show --text")
        ]
        refused = await asyncio.to_thread(
            command, "dead", "requeue", str(row.id), "--reason", "try", "--json"
        )
        assert refused.code == 1
        assert refused.json()["left"][0]["reason"] == "no_run"
        unreadable = await asyncio.to_thread(
            command, "dead", "requeue", str(odd_row.id), "--reason", "try", "--json"
        )
        assert unreadable.json()["left"][0]["reason"] == "unreadable: missing_header"


@pytest.mark.slow
async def test_an_import_is_whole_and_its_memory_written_anew_once_its_dead_chunk_was_requeued(
    setting: Setting, store: Store, command_of: CommandOf, exports: Path
) -> None:
    setting.changes |= {"min_coverage": 0.1, "chunk_tokens": 200}
    command = command_of(setting)
    BROKEN.add("yes")
    async with hosted(setting, extractor=picky):
        import_ = await setting.import_of(exports / "small.zip")
        first = await ended(store, import_)
        assert (first.state, first.chunks_dead) == ("complete", 1)
        before = await store.read_profile(import_.user_id)
        (letter,) = await known(store, 1, reason="odd")

        async def requeue(*more: str) -> Any:
            found = await asyncio.to_thread(
                command,
                "dead",
                "requeue",
                "--import",
                import_.import_id,
                "--reason",
                "mended",
                "--json",
                *more,
            )
            return found.json()

        assert await requeue() == {"requeued": 1, "left": []}
        again = (await known(store, 2, reason="odd"))[1]
        assert (again.burial, again.state) == (2, "open"), "still poison: buried again, and told so"
        second = await ended(store, import_)
        assert (second.state, second.chunks_dead, second.coverage) == ("complete", 1, first.coverage)
        assert [each["reason"] for each in (await requeue())["left"]] == ["again"]
        BROKEN.clear()
        assert (await requeue("--force"))["requeued"] == 1

        async def is_whole() -> bool:
            run = await store.read_run(import_.import_id, 1)
            return run is not None and (run.state, run.coverage) == ("complete", 1.0)

        await until(is_whole)
    profile = await store.read_profile(import_.user_id)
    assert before is not None
    assert profile is not None
    assert (profile.import_id, profile.run) == (import_.import_id, 1)
    assert profile.memory_md != before.memory_md
    assert profile.full_pass_status == "complete"
    assert {row.state for row in await store.find_dead_letters(LetterFilter())} == {"requeued"}
    assert [each.why for each in await store.read_audit(str(letter.id))] == ["mended"]


@pytest.mark.slow
async def test_what_cannot_be_requeued_says_why(
    setting: Setting, store: Store, command_of: CommandOf, exports: Path
) -> None:
    command = command_of(setting)
    fresh = setting.event_of(exports / "small.zip")
    value, headers = wired(fresh)
    bare, _ = wired(memory_of())
    async with hosted(setting, ("consolidator",)):
        good = await bury(setting, IMPORT_RECEIVED, value, headers)
        too_large = await bury(
            setting, IMPORT_RECEIVED, b"", [("dlq_value", b"left out: the record is too large")]
        )
        await setting.send_all(setting.topic(MEMORY_READY, dead=True), [(b"\xff\xfe", bare, [])])
        (headless,) = await known(store, 1, topic="memory.ready.v2")
        assert (headless.reason, headless.ce_id, headless.import_id, headless.stage) == (None,) * 4
        await known(store, 3)
        shown = await asyncio.to_thread(command, "dead", "show", str(headless.id), "--json")
        assert shown.json()["record"]["key"] == "<2 bytes>"
        no_headers = await asyncio.to_thread(
            command, "dead", "requeue", str(headless.id), "--reason", "x", "--json"
        )
        assert no_headers.json()["left"][0]["reason"] == "unreadable: missing_header"
        admin = AIOKafkaAdminClient(bootstrap_servers=setting.bootstrap)
        await admin.start()
        try:
            letters = setting.topic(MEMORY_READY, dead=True)
            await admin.delete_records({TopicPartition(letters, 0): RecordsToDelete(1)})

            async def is_gone() -> bool:
                return (await store.find_dead_letters(LetterFilter(ids=[headless.id])))[0].gone

            await until(is_gone)
            retained = await asyncio.to_thread(
                command, "dead", "requeue", str(headless.id), "--reason", "x", "--json"
            )
            assert retained.json()["left"][0]["reason"] == "gone"
            await admin.delete_topics([setting.topic(IMPORT_RECEIVED)])

            async def no_topic() -> bool:
                found = await asyncio.to_thread(
                    command, "dead", "requeue", str(good), "--reason", "x", "--json"
                )
                return [each["reason"] for each in found.json()["left"]] == ["no_topic"]

            await until(no_topic)
            await setting.make_topics()
        finally:
            await admin.close()

        async def requeued() -> bool:
            found = await asyncio.to_thread(
                command, "dead", "requeue", "--topic", "import.received.v2", "--reason", "x", "--json"
            )
            return bool(found.json().get("requeued"))

        await until(requeued)
        rest = await asyncio.to_thread(
            command, "dead", "requeue", str(too_large), str(uuid4()), "--reason", "x", "--json"
        )
        assert {each["reason"] for each in rest.json()["left"]} == {"left_out", "unknown"}
    (record,) = await read_all(setting.bootstrap, setting.topic(IMPORT_RECEIVED), 6)
    assert (record.value, record.key) == (value, b"k")
    assert sorted(record.headers) == sorted(headers)
    row = (await store.find_dead_letters(LetterFilter(ids=[good])))[0]
    assert (row.state, row.changed_why) == ("requeued", "x")


async def test_a_topic_made_anew_is_read_from_its_beginning_and_other_pipelines_are_too(
    setting: Setting, store: Store, command_of: CommandOf
) -> None:
    command = command_of(setting)
    value, headers = wired(event())
    third = Setting(setting.bootstrap, setting.database, setting.root, "v3", setting.prefix)
    await third.make_topics()
    async with hosted(setting, ("consolidator",)):
        first = await bury(setting, IMPORT_RECEIVED, value, headers)
        retired = await bury(third, IMPORT_RECEIVED, value, headers)
        await known(store, 2)
        found = await asyncio.to_thread(command, "dead", "requeue", str(retired), "--reason", "x", "--json")
        assert found.json()["left"][0]["reason"] == "retired"
        admin = AIOKafkaAdminClient(bootstrap_servers=setting.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([setting.topic(IMPORT_RECEIVED, dead=True)])

            async def is_gone() -> bool:
                return (await store.find_dead_letters(LetterFilter(ids=[first])))[0].gone

            await until(is_gone)
            await setting.make_topics()
        finally:
            await admin.close()
        second = await bury(setting, IMPORT_RECEIVED, value, headers)
        rows = {row.id: row for row in await known(store, 3)}
        assert (rows[first].gone, rows[second].gone) == (True, False)
        listed = (await asyncio.to_thread(command, "dead", "list", "--json")).json()
        assert json.dumps(listed).count("timeout") == 2
