"""Putting many letters back: ended in mid-work, at once, beside burials, and after the fact."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from shared.domain.errors import BusyError
from shared.log.deadletter import Sender
from shared.log.kafka.client import KafkaLog
from shared.log.metrics import PoolMetrics
from shared.pipelines import IMPORT_RECEIVED
from shared.resilience.faults import LaneError
from shared.store.dead_letters import LetterFilter
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.dead.putting_back import LEASE, READ_SINCE, PuttingBack
from soulprint.topics import publisher_of
from tests.kafka.services.buried import BROKEN, bury, known, picky, wired
from tests.support.letters import letter_of, record_letters
from tests.support.ops import CommandOf
from tests.support.replica import read_all
from tests.support.services import Setting, ended, hosted
from tests.support.waiting import until


@pytest.fixture
async def setting(setting: Setting) -> Setting:
    setting.changes["dead_letter_seconds"] = 0.2
    return setting


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


@pytest.mark.slow
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
