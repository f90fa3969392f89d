"""Dead letters on Kafka: found, listed, shown, put back on their topics, or why not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from prometheus_client import CollectorRegistry

from shared.domain.errors import BusyError
from shared.domain.events import ChunkReady, Event
from shared.host.service import Kit, Service
from shared.host.services import opener_of
from shared.log.deadletter import HEADERS, Sender
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.cloudevents import encode
from shared.log.metrics import PoolMetrics
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED, MEMORY_READY
from shared.resilience.faults import LaneError, PoisonError
from shared.store.dead_letters import LetterFilter, LetterRow
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.dead.putting_back import LEASE, READ_SINCE, PuttingBack
from soulprint.topics import publisher_of
from tests.support.chunks import chunk_of, said
from tests.support.letters import letter_of, record_letters
from tests.support.ops import CommandOf
from tests.support.records import memory_of
from tests.support.replica import event, read_all
from tests.support.services import Setting, ended, hosted
from tests.support.waiting import until

BROKEN: set[str] = set()
WORDS = "My secret is that I live in Porto"


@pytest.fixture
async def setting(setting: Setting) -> Setting:
    setting.changes["dead_letter_seconds"] = 0.2
    return setting


def wired(of: Event) -> tuple[bytes, list[tuple[str, bytes]]]:
    return encode(of, source="test", pipeline="v2")


async def bury(
    setting: Setting, name: str, value: bytes | None, headers: list[tuple[str, bytes]], **said: str
) -> UUID:
    """Put a letter on a dead-letter topic, as a service does."""
    dlq = {
        "id": str(uuid4()),
        "reason": "timeout",
        "error_class": "TimeoutError",
        "error": "",
        "attempts": "5",
        "stage": "extractor",
        "topic": setting.topic(name),
        "partition": "0",
        "offset": "7",
    } | said
    provenance = [(f"dlq_{key}", text.encode()) for key, text in dlq.items()]
    assert {key for key, _ in provenance} <= HEADERS.keys()
    await setting.send_all(setting.topic(name, dead=True), [(b"k", value, [*provenance, *headers])])
    return UUID(dlq["id"])


async def known(store: Store, count: int, **asked: Any) -> list[LetterRow]:
    """The letters, once so many are known."""
    found: list[LetterRow] = []

    async def are_known() -> bool:
        found[:] = await store.find_dead_letters(LetterFilter(**asked))
        return len(found) >= count

    are_known.__doc__ = f"{count} letters are known"
    await until(are_known)
    return found


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


@asynccontextmanager
async def picky(kit: Kit) -> AsyncIterator[Service]:
    """An extractor that sets the first chunk of a run aside for as long as BROKEN says so."""
    async with opener_of("extractor")(kit) as service:
        stage = service.stage
        assert stage is not None

        async def handle(batch: Sequence[ChunkReady]) -> None:
            if BROKEN and batch[0].index == 0:
                raise PoisonError("odd", "this chunk is odd")
            await stage.handle(batch)

        yield replace(service, stage=replace(stage, handle=handle))


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


async def test_what_was_ended_goes_on_where_it_was_and_two_at_once_are_one(
    setting: Setting, store: Store, exports: Path
) -> None:
    log = KafkaLog.of(setting.settings(), PoolMetrics(CollectorRegistry()))
    async with hosted(setting, ("consolidator",)):
        events = [setting.event_of(exports / "small.zip") for _ in range(3)]
        letters = [await bury(setting, IMPORT_RECEIVED, *wired(each)) for each in events]
        await known(store, 3)

    class Failing:
        """Takes one record, and then no more."""

        def __init__(self, sender: Sender) -> None:
            self._sender, self._left = sender, 1

        async def send(self, to: str, **record: Any) -> None:
            self._left -= 1
            if self._left < 0:
                raise LaneError("Kafka refuses it")
            await self._sender.send(to, **record)

    def putting(sender: Any, owner: str = "one") -> PuttingBack:
        return PuttingBack(
            store,
            log.reading(),
            sender,
            Asked("anna", "mended"),
            owner=owner,
            pipeline="v2",
            prefix=setting.prefix,
        )

    which = LetterFilter(topic="import.received.v2")
    async with publisher_of(log, "dead") as sender:
        with pytest.raises(LaneError):
            await putting(Failing(sender)).run(which)
        states = [row.state for row in await store.find_dead_letters(which)]
        assert sorted(states) == ["open", "open", "requeued"]
        assert await store.take_lease(LEASE, "another", 30.0)
        with pytest.raises(BusyError):
            await putting(sender).run(which)
        await store.release_lease(LEASE, "another")
        outcome = await putting(sender, "two").run(which)
        assert (outcome.requeued, outcome.counts) == (2, {})
        again = await putting(sender, "two").run(LetterFilter(ids=letters))
        assert (again.requeued, again.counts) == (0, {"requeued": 3})
    records = await read_all(setting.bootstrap, setting.topic(IMPORT_RECEIVED), 6)
    assert len(records) == 3


async def test_what_is_buried_while_a_requeue_runs_is_left_for_the_next_one(
    setting: Setting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where what is put back is buried again at once: it would never end."""
    monkeypatch.setattr("soulprint.dead.putting_back.BATCH", 1)
    log = KafkaLog.of(setting.settings(), PoolMetrics(CollectorRegistry()))
    buried: list[UUID] = []

    class Burying:
        """Whatever is sent is buried again before the next batch, and known."""

        async def send(self, to: str, *, value: bytes | None, headers: Any, **_: Any) -> None:
            buried.append(await bury(setting, IMPORT_RECEIVED, value, list(headers)))
            await known(store, 3 + len(buried))

    async with hosted(setting, ("consolidator",)):
        first = {
            await bury(setting, IMPORT_RECEIVED, *wired(setting.event_of(exports / "small.zip")))
            for _ in range(3)
        }
        await known(store, 3)
        putting = PuttingBack(
            store,
            log.reading(),
            Burying(),
            Asked("anna", "mended"),
            owner="one",
            pipeline="v2",
            prefix=setting.prefix,
        )
        outcome = await putting.run(LetterFilter(topic="import.received.v2"))
        rows = await known(store, 6)
    assert (outcome.requeued, outcome.counts) == (3, {})
    assert {row.id for row in rows if row.state == "requeued"} == first
    assert {row.id for row in rows if row.state == "open"} == set(buried)
    assert {row.burial for row in rows if row.state == "open"} == {2}


async def test_what_was_read_since_is_settled_as_that(
    setting: Setting, store: Store, sql: asyncpg.Connection, command_of: CommandOf, exports: Path
) -> None:
    """A requeue was killed after it had put records back, and before it noted that: nothing is left to do,
    and nobody need be told of these letters for ever."""
    setting.changes |= {"min_coverage": 0.1, "chunk_tokens": 200}
    command = command_of(setting)
    BROKEN.add("yes")
    async with hosted(setting, extractor=picky):
        import_ = await setting.import_of(exports / "small.zip")
        await ended(store, import_)
        (letter,) = await known(store, 1, reason="odd")
        BROKEN.clear()
        requeue = ("dead", "requeue", "--reason-is", "odd", "--reason", "mended", "--json")
        first = await asyncio.to_thread(command, *requeue)
        assert first.json() == {"requeued": 1, "left": []}

        async def is_whole() -> bool:
            run = await store.read_run(import_.import_id, 1)
            return run is not None and (run.state, run.coverage) == ("complete", 1.0)

        await until(is_whole)
        await sql.execute("UPDATE dead_letters SET state = 'open', changed_by = NULL, changed_at = NULL")
        second = await asyncio.to_thread(command, *requeue)
        assert [(each["reason"], each["letters"]) for each in second.json()["left"]] == [("done", 1)]
        assert second.code == 0
        (row,) = await store.find_dead_letters(LetterFilter(ids=[letter.id]))
        assert (row.state, row.changed_why) == ("dropped", READ_SINCE)


async def test_without_kafka_it_is_said_where_the_records_are(
    setting: Setting, store: Store, command_of: CommandOf
) -> None:
    letter = letter_of(0)
    await record_letters(store, [letter])
    command = command_of(setting)
    environment = [pair for pair in command.command.settings if "KAFKA" not in pair[0]]
    bare = replace(command, command=replace(command.command, settings=tuple(environment)))
    shown = await asyncio.to_thread(bare, "dead", "show", str(letter.id))
    assert shown.code == 0, shown.err
    assert "its log in memory" in " ".join(shown.out.split())
    refused = await asyncio.to_thread(bare, "dead", "requeue", str(letter.id), "--reason", "x")
    assert (refused.code, "its log in memory" in refused.err) == (2, True)
