"""Routers side by side while ops move the share: each import goes one way, however often it is delivered."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.domain.ids import shadow_id
from shared.domain.runs import RunKind
from shared.host.host import Host
from shared.log.kafka.cloudevents import decode, encode
from shared.pipelines import IMPORT_RECEIVED, V1, topic
from shared.store.routing import SHARE_WHOLE
from shared.store.store import Store
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, hosted
from tests.support.waiting import until

ROUTERS = 4
IMPORTS = 6
DELIVERIES = 50
"""Of each."""


def done(host: Host) -> float:
    """How many records a router has passed on."""
    return host.registry.get_sample_value("soulprint_pool_records_total", {"stage": "router"}) or 0.0


@pytest.mark.slow
async def test_fifty_deliveries_at_four_routers_are_one_decision_while_the_share_changes(
    setting: Setting, store: Store, sql: asyncpg.Connection
) -> None:
    events = [setting.event_of(f"imports/{number}.zip") for number in range(IMPORTS)]
    records = []
    for number in range(DELIVERIES):
        for event in events:
            value, headers = encode(event, source="app", pipeline="v2")
            records.append((f"k{number}".encode(), value, headers))
    changes = 0

    async def change_on() -> None:
        nonlocal changes
        while True:
            share = SHARE_WHOLE * (changes % 2)
            moved = {"share": share, "shadow": SHARE_WHOLE - share}
            answer = await store.change_policy(moved, by="ops", reason="a test")
            changes += answer.changed

    lanes: dict[UUID, list[str]] = defaultdict(list)
    shadows: dict[UUID, set[str]] = defaultdict(set)

    async def all_routed() -> bool:
        """every delivery has gone on"""
        lanes.clear()
        shadows.clear()
        for lane in (V1, "v2"):
            to = setting.prefix + topic(IMPORT_RECEIVED, lane)
            for record in await read_all(setting.bootstrap, to, PARTITIONS):
                event, _ = decode(record.value, record.headers, ImportReceived)
                assert isinstance(event, ImportReceived)
                if event.kind is RunKind.SHADOW:
                    assert event.parent_id is not None
                    shadows[event.parent_id].add(lane)
                else:
                    lanes[event.import_id].append(lane)
        return len(lanes) == IMPORTS and all(len(went) >= DELIVERIES for went in lanes.values())

    async with AsyncExitStack() as stack:
        opening = [stack.enter_async_context(hosted(setting, ("router",))) for _ in range(ROUTERS)]
        hosts = await asyncio.gather(*opening)
        changing = asyncio.create_task(change_on())
        try:
            await setting.send_all(setting.entrance, records)
            await until(lambda: sum(map(done, hosts)) >= len(records), 60)
        finally:
            changing.cancel()
        await until(all_routed)
        assert all(map(done, hosts)), "some router had nothing to do"
    assert changes > IMPORTS
    decisions = {row["import_id"]: row for row in await sql.fetch("SELECT * FROM routing_decisions")}
    assert decisions.keys() == lanes.keys() == {event.import_id for event in events}
    for import_id, went in lanes.items():
        assert set(went) == {decisions[import_id]["lane"]}, "one lane"
        assert shadows[import_id] == ({"v2"} if decisions[import_id]["shadow"] else set())
    rows = await sql.fetch("SELECT import_id FROM imports")  # nobody has taken any yet
    compared = {shadow_id(import_id, "v2") for import_id, row in decisions.items() if row["shadow"]}
    assert sorted(row["import_id"] for row in rows) == sorted(compared), "one shadow"
