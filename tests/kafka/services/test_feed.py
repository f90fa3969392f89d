"""A second pipeline is fed from the log: it processes the same imports in shadow, beside the first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from prometheus_client import CollectorRegistry

from shared.domain.events import ImportReceived
from shared.domain.ids import import_id, shadow_id
from shared.domain.runs import RunKind
from shared.log.kafka.cloudevents import decode, encode
from shared.log.metrics import PoolMetrics
from shared.pipelines import IMPORT_RECEIVED, services_of
from shared.requests.accept import accept
from shared.requests.feeding import Feed, Sought
from shared.requests.request import Request
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.exports.generate import generate
from tests.support.command import Finished
from tests.support.forking import ForkedSoulprint
from tests.support.ops import CommandOf
from tests.support.replica import committed, read_all
from tests.support.services import PARTITIONS, Setting, ended, hosted, submitted
from tests.support.waiting import until

USERS = [UUID(int=number) for number in range(1, 6)]
FED = ("--pipeline", "v3", "--since", "1h")
OF_V2 = {
    "user_profiles": "true",
    "conversation_chunks": "true",
    "conversation_runs": "true",
    "served_memories": "true",
    "lineages": "true",
    "callbacks": "true",
    "embedding_usage": "true",
    "imports": "pipeline = 'v2'",
    "facts": "(import_id, run) IN (SELECT import_id, run FROM imports WHERE pipeline = 'v2')",
    "chunk_results": "(import_id, run) IN (SELECT import_id, run FROM imports WHERE pipeline = 'v2')",
    "profile_versions": "kind <> 'shadow'",
    "routing_decisions": "true",
}
"""Whatever v2 has made or shows."""
ONE_ENDS = """
UPDATE imports SET state = 'failed' WHERE import_id = (
    SELECT import_id FROM imports
    WHERE pipeline = 'v3' AND state = 'received' AND offered_at IS NOT NULL LIMIT 1)
"""


async def of_v2(sql: asyncpg.Connection, users: Sequence[UUID]) -> dict[str, list[str]]:
    """All of it of these users, times and all."""
    found = {}
    for name, which in OF_V2.items():
        rows = await sql.fetch(
            f"SELECT to_jsonb(t)::text AS row FROM {name} t WHERE {which} AND user_id = ANY ($1)", users
        )
        found[name] = sorted(row["row"] for row in rows)
    return found


async def fed_runs(store: Store, events: Sequence[ImportReceived], pipeline: str = "v3") -> list[RunRow]:
    """The shadow runs of these, once they have ended."""
    beside = [
        event.model_copy(update={"import_id": shadow_id(event.import_id, pipeline)}) for event in events
    ]
    return [await ended(store, each) for each in beside]


async def deleted(sql: asyncpg.Connection, user: UUID) -> None:
    """A user whose rows are gone."""
    await sql.execute("DELETE FROM imports WHERE user_id = $1", user)


@pytest.mark.slow
async def test_a_second_pipeline_processes_what_lies_on_the_log_and_leaves_the_first_alone(
    setting: Setting, store: Store, sql: asyncpg.Connection, command_of: CommandOf, tmp_path: Path
) -> None:
    setting.root = tmp_path
    sources = [tmp_path / f"{number}.json" for number in range(len(USERS) + 1)]
    for number, source in enumerate(sources):
        generate(source, 12, seed=number)
    command = command_of(setting)

    async def run(*arguments: object, of: ForkedSoulprint = command) -> Finished:
        return await asyncio.to_thread(of, *arguments)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hosted(setting))
        own = [setting.event_of(source, user) for source, user in zip(sources[:3], USERS[:3], strict=True)]
        await setting.publish(setting.entrance, *own)
        asked = [
            submitted(await run("submit", source, "--user", user, "--json"), user)
            for source, user in zip(sources[3:5], USERS[3:], strict=True)
        ]
        gone, *events = [*own, *asked]
        assert [(await ended(store, each)).state for each in (gone, *events)] == ["complete"] * 5
        forged = encode(events[0].model_copy(update={"user_id": USERS[0]}), source="app", pipeline="v2")
        await deleted(sql, gone.user_id)
        to = setting.topic(IMPORT_RECEIVED)
        await setting.send_all(to, [(b"k", *forged), (b"k", b"{}", []), (b"k", None, [("ce_run", b"\xff")])])

        refused = await run("replay", "feed", *FED)
        assert (
            refused.code,
            "`SOULPRINT_PIPELINE=v3 soulprint topics create`" in " ".join(refused.err.split()),
        ) == (
            2,
            True,
        )
        beside = replace(setting, pipeline="v3", changes=setting.changes | {"memory_tokens": 200})
        await beside.make_topics()
        before = await of_v2(sql, USERS[1:])
        group = setting.group("chunker")
        at = await committed(setting.bootstrap, group, to, PARTITIONS)

        first = (await run("replay", "feed", *FED, "--json")).json()
        assert (first["fed"], first["unfinished"], first["past_retention"]) == (4, 4, [])
        left_out = first["left_out"]
        assert (left_out["unreadable"], left_out["unknown"], left_out["foreign"]) == (2, 2, 1), left_out
        assert first["events"] == 4 + sum(left_out.values())
        (twice, at_once) = await asyncio.gather(
            run("replay", "feed", *FED, "--json"), run("replay", "feed", *FED)
        )
        assert (twice.json()["fed"], twice.json()["unfinished"]) == (0, 4)
        assert at_once.out.startswith("0 imports fed to v3"), at_once
        published = await read_all(setting.bootstrap, beside.topic(IMPORT_RECEIVED), PARTITIONS)
        told: list[Any] = [decode(each.value, each.headers, ImportReceived)[0] for each in published]
        assert {(each.kind, each.priority) for each in told} == {(RunKind.SHADOW, "replay")}
        assert {(each.parent_id, each.run, each.source) for each in told} == {
            (each.import_id, 1, str(source)) for each, source in zip(events, sources[1:5], strict=True)
        }

        async with hosted(beside, services_of("v3")):
            live = submitted(await run("submit", sources[5], "--user", UUID(int=9), "--json"), UUID(int=9))
            runs = await fed_runs(store, events)
            assert (await ended(store, live)).state == "complete"
        assert [(each.state, each.unserved, each.pipeline) for each in runs] == [
            ("unserved", "shadow", "v3")
        ] * 4
        for each in runs:
            assert each.chunks_total is not None
            report = await store.read_run(each.import_id, each.run)
            assert report is not None
            assert report.chunks_cached == each.chunks_total > 0, "what v2 paid for is not paid for again"
            made, now = [
                await store.read_documents(one, 1) for one in (each.parent_id, each.import_id) if one
            ]
            assert made is not None
            assert now is not None
            assert now.memory_md != made.memory_md, "its own settings"
        assert await of_v2(sql, USERS[1:]) == before
        assert await committed(setting.bootstrap, group, to, PARTITIONS) >= at
        compared = (await run("replay", "compare", "--pipeline", "v3", "--json")).json()
        assert (compared["pairs"], compared["both_complete"], compared["runs"]) == (4, 4, {"complete": 4})
        assert compared["figures"]["memory_characters"]["served"] > 0
        assert compared["figures"]["facts"]["equal"] == 4
        assert not (await store.read_pairs(datetime.now(UTC) - timedelta(hours=1))), "not the canary's"

        # What came since is fed by the next feed, and cut as v3 is told now.
        beside.changes["chunk_tokens"] = 500
        async with hosted(beside, services_of("v3")):
            since = (await run("replay", "feed", *FED)).out
            assert since.startswith("1 import fed to v3"), since
            (cut,) = await fed_runs(store, [live])
        whole = await ended(store, live)
        assert cut.chunks_total is not None
        assert whole.chunks_total is not None
        assert cut.chunks_total > whole.chunks_total
        assert cut.state == "unserved"
    assert await of_v2(sql, USERS[1:]) == before


async def test_a_feed_waits_for_room_goes_on_where_it_was_and_says_what_retention_took(
    setting: Setting, store: Store, sql: asyncpg.Connection, command_of: CommandOf
) -> None:
    await replace(setting, pipeline="v3").make_topics()
    users = [UUID(int=number) for number in range(7)]
    accepted = [
        await accept(Request(import_id(user, "f"), user, "imports/a.zip"), store, setting.settings())
        for user in users
    ]
    await setting.publish(setting.topic(IMPORT_RECEIVED), *(each.event for each in accepted), key="one")
    log = setting.open_log(setting.settings(), PoolMetrics(CollectorRegistry()))
    client = log.client("feed")
    await client.start(None, waiting=lambda why: None)

    async def under_way() -> int:
        return int(
            await sql.fetchval("SELECT count(*) FROM imports WHERE pipeline = 'v3' AND state = 'received'")
        )

    def feed(at_once: int, rate: float | None = None) -> Feed:
        sought = Sought("v3", "v2", 0, None, at_once, rate)
        return Feed(sought, log.reading(), store, client.publisher, look_seconds=0.02)

    try:
        first = feed(2)
        running = asyncio.create_task(first.run())
        await until(lambda: first.progress.waits)
        assert (first.progress.fed, await under_way()) == (2, 2)
        running.cancel()
        await asyncio.wait([running])
        both = [feed(3), feed(3)]
        going = [asyncio.create_task(each.run()) for each in both]
        while not all(each.done() for each in going):
            assert await under_way() <= 3
            await sql.execute(ONE_ENDS)
        assert sum(each.fed for each in await asyncio.gather(*going)) == 5
        last = await feed(3, rate=60_000).run()
        assert (last.fed, last.outcomes, last.events) == (0, {"known": 7}, 7)
    finally:
        await client.stop()
    published = await read_all(setting.bootstrap, setting.prefix + "import.received.v3", PARTITIONS)
    events = [decode(each.value, each.headers, ImportReceived)[0] for each in published]
    assert {each.user_id for each in events} == {*users}
    assert len(events) == 7, "each once"

    admin = AIOKafkaAdminClient(bootstrap_servers=setting.bootstrap)
    await admin.start()
    try:
        ends = await setting.ends(IMPORT_RECEIVED)
        first_offsets = {
            TopicPartition(setting.topic(IMPORT_RECEIVED), number): RecordsToDelete(before_offset=4)
            for number, end in enumerate(ends)
            if end
        }
        await admin.delete_records(first_offsets)
    finally:
        await admin.close()
    told = command_of(setting)("replay", "feed", *FED)
    words = " ".join(told.out.split())
    assert "0 imports fed to v3, of 3 events on the log 3 made before" in words, told
    assert "import.received.v2: what lay there before is past retention" in words
    later = command_of(setting)("replay", "feed", *FED, "--until", "1min", "--json")
    assert (later.json()["events"], later.json()["fed"]) == (0, 0)
