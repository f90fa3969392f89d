"""Routers that judge: one of them leads, shows what it sees, and rolls back under imports that come in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from prometheus_client import CollectorRegistry

from services.router.judge import Judge
from services.router.leader import Leader
from services.router.rollback import recall, roll_back
from shared.host.service import Kit, ServiceMetrics
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.settings import load_settings
from shared.store.accepting import AcceptedRun
from shared.store.store import Store
from tests.support.canary import decided
from tests.support.face import faced
from tests.support.local import LocalSetting
from tests.support.services import Setting
from tests.support.waiting import until


def kit_of(store: Store, owner: str, every: float = 0.05) -> tuple[Kit, CollectorRegistry]:
    registry = CollectorRegistry()
    log = LocalLog(PoolMetrics(registry))
    kit = Kit(
        name="router",
        settings=load_settings(canary_check_seconds=every),
        store=store,
        publisher=log,
        metrics=ServiceMetrics.of(registry),
        owner=owner,
        open_model=None,  # type: ignore[arg-type]  # it asks none
        log_answers=log.answers,
        reading=log.reading(),
    )
    return kit, registry


@asynccontextmanager
async def leading(kit: Kit) -> AsyncIterator[None]:
    task = asyncio.ensure_future(Leader(kit).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def shown(registry: CollectorRegistry) -> dict[str, float]:
    """What a process shows of the lanes, by the values of its labels."""
    return {
        " ".join((sample.name.removeprefix("soulprint_canary_"), *sample.labels.values())): sample.value
        for family in registry.collect()
        if family.name.startswith("soulprint_canary")
        for sample in family.samples
    }


async def test_one_of_the_routers_leads_shows_what_it_sees_and_is_followed(
    store: Store, sql: asyncpg.Connection
) -> None:
    await store.change_policy({"share": 1000, "shadow": 100, "mode": "auto"}, by="ops", reason="begin")
    (kit, first), (other, second) = kit_of(store, "a"), kit_of(store, "b")
    async with leading(other):
        async with leading(kit):
            await until(lambda: bool(shown(first)) or bool(shown(second)))
            await decided(sql, 19)
            await decided(sql, 1, "extracting", seconds=7300)
            await until(lambda: 1.0 in (shown(first).get("stuck v2"), shown(second).get("stuck v2")))
            leader = first if shown(first).get("stuck v2") else second
            found = shown(leader)
            assert {name: found[name] for name in found if not name.startswith("checks")} == {
                "share served": 0.1,
                "share shadow": 0.01,
                "step share": 1.0,
                "frozen auto": 0.0,
                "verdict hold": 1.0,
                "stuck v1": 0.0,
                "stuck v2": 1.0,
            }
            assert found["checks_total hold"] >= 1
            follower = second if leader is first else first
            assert not shown(follower)
        if leader is first:  # it gave the lead back as it went
            await until(lambda: "verdict hold" in shown(second))
        await decided(sql, 12, "failed")
        await until(lambda: shown(second).get("frozen auto") == 1.0)
    found = shown(second)
    assert (found["step rolled back"], found["share served"], found["changes_total rollback"]) == (1, 0, 1)
    assert [v.changed_by for v in await store.read_policy_history(2)] == ["judge", "ops"]
    assert await sql.fetchval("SELECT count(*) FROM leases WHERE name = 'canary.judge'") == 0


async def test_a_leader_outlives_a_database_that_refuses(store: Store, sql: asyncpg.Connection) -> None:
    kit, registry = kit_of(store, "a")
    await sql.execute("ALTER TABLE routing_history RENAME TO away")
    try:
        async with leading(kit):
            await until(lambda: _leads(sql))
            await sql.execute("ALTER TABLE away RENAME TO routing_history")
            await until(lambda: "verdict inconclusive" in shown(registry))
    finally:
        await sql.execute("ALTER TABLE IF EXISTS away RENAME TO routing_history")


async def _leads(sql: asyncpg.Connection) -> bool:
    return bool(await sql.fetchval("SELECT count(*) FROM leases WHERE name = 'canary.judge'"))


async def test_a_rollback_holds_within_a_second_under_twenty_imports_a_second(
    store: Store, sql: asyncpg.Connection
) -> None:
    """From the command to the last decision for v2; no import is left without a lane."""
    taken: list[AcceptedRun] = []

    async def accept() -> None:
        answer = await store.accept_import(uuid4(), uuid4(), "b/p", "v2")
        assert isinstance(answer, AcceptedRun)
        taken.append(answer)

    async with asyncio.TaskGroup() as group:
        commanded = None
        for n in range(40):
            group.create_task(accept())
            if n == 20:
                commanded = await sql.fetchval("SELECT clock_timestamp()")
                began = time.monotonic()
                await roll_back(store, by="ops", reason="a test")
                took = time.monotonic() - began
            await asyncio.sleep(0.05)  # the pace of the imports
    assert took < 1.0
    rows = await sql.fetch("SELECT lane, decided_at FROM routing_decisions ORDER BY decided_at")
    assert len(rows) == len(taken) == 40
    assert {run.pipeline for run in taken} == {"v1", "v2"}
    last = max(row["decided_at"] for row in rows if row["lane"] == "v2")
    assert (last - commanded).total_seconds() <= 1.0
    of_lane = (
        "SELECT count(*) FROM imports i JOIN routing_decisions d USING (import_id, run) WHERE lane = pipeline"
    )
    assert await sql.fetchval(of_lane) == 40


async def test_while_kafka_is_away_a_rollback_holds_and_imports_are_taken_for_v1(
    database: str, store: Store, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    setting = Setting("127.0.0.1:1", database, tmp_path)
    async with faced(setting) as face:

        async def asked() -> str:
            user = uuid4()
            body = {"source": f"imports/{user}/1-a.zip", "user_id": str(user)}
            answer = await face.client.post("/imports", json=body)
            assert answer.status_code == 202, answer.text
            return str(answer.json()["pipeline"])

        assert await asked() == "v2"
        await decided(sql, 7, "failed")
        assert (await Judge(store).check()).acted == "rollback"
        assert await asked() == "v1"
        assert await recall(store, "failures") == 1
        waits = (
            "SELECT count(*) FROM imports WHERE state = 'received' AND offered_at IS NULL AND pipeline = 'v1'"
        )
        assert await sql.fetchval(waits) == 2, "the fallback of the one, and the other"


async def test_decisions_are_counted_where_they_are_made(setting: LocalSetting, store: Store) -> None:
    setting.changes |= {"canary_check_seconds": 0.05}
    name = "soulprint_routing_decisions_total"
    async with faced(setting, ("gateway", "router")) as face:
        source = f"imports/{(user := uuid4())}/1-a.zip"
        body: dict[str, Any] = {"source": source, "user_id": str(user)}
        for _ in range(2):  # asked again, it is the same run
            assert (await face.client.post("/imports", json=body)).status_code == 202
        value = face.host.registry.get_sample_value
        assert value(name, {"lane": "v2", "reason": "share"}) == 1.0
        await store.change_policy({"passthrough": True}, by="ops", reason="careful")
        event = setting.event_of("b/p")
        await setting.publish(setting.entrance, event, event)
        await until(lambda: value(name, {"lane": "v1", "reason": "passthrough"}) == 1.0)
        await until(lambda: value("soulprint_canary_step", {"step": "passthrough"}) == 1.0)
        assert value(name, {"lane": "v1", "reason": "passthrough"}) == 1.0
