"""A rollback holds from its commit, for every way in, however busy they are, and whatever is done by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import asyncpg
import pytest

from services.router.rollback import recall, roll_back
from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKey
from shared.store.accepting import AcceptedRun, Routed
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.canary import decided
from tests.support.kinds import event_of, request, take
from tests.support.records import ANNA, IMPORT, SEED

OTHER, THIRD = uuid5(SEED, "other"), uuid5(SEED, "third")


async def rolled_back(store: Store) -> None:
    assert (await roll_back(store, by="ops", reason="bad")).changed


async def route(store: Store, *, of: UUID = IMPORT, pipeline: str | None = None) -> Routed:
    event = event_of(of=of, pipeline=pipeline)
    return await store.route_import(
        event, "v2", "app", quick_id(event.import_id), shadow_id(event.import_id, "v2")
    )


@EVERY_WAY
async def test_every_way_in_goes_to_v1(store: Store, sql: asyncpg.Connection) -> None:
    await store.change_policy({"shadow": 10_000}, by="ops", reason="look")
    await store.override_routing(ANNA, "v2", by="ops", reason="tries it")
    before = await request(store, "v2")
    assert before.pipeline == "v2"
    await rolled_back(store)

    plain = await request(store, "v2", OTHER, quick_id=quick_id(OTHER), shadow_id=shadow_id(OTHER, "v2"))
    assert (plain.pipeline, plain.reason, plain.quick, plain.shadow) == ("v1", "passthrough", None, None)
    explicit = await route(store, of=THIRD, pipeline="v2")
    assert (explicit.pipeline, explicit.reason, explicit.quick, explicit.shadow) == (
        "v1", "passthrough", None, None,
    )  # fmt: skip
    assert (await route(store)).pipeline == "v2", "what was decided before stays"
    offered = {(row.import_id, row.pipeline) for row in await store.take_unoffered(0.0, 0.0, 10)}
    assert offered == {(IMPORT, "v2"), (quick_id(IMPORT), "v1"), (OTHER, "v1")}, "each where it was decided"

    assert await store.fail_run(IMPORT, 1, "extract", "no")
    await sql.execute("UPDATE imports SET state = 'complete' WHERE import_id = $1", IMPORT)
    again = await store.accept_import(IMPORT, ANNA, None, "v2", pipeline="v2", again=True)
    assert isinstance(again, AcceptedRun)
    assert (again.pipeline, again.reason) == ("v1", "passthrough"), "a retry is a run like any other"
    assert await sql.fetchval(
        "SELECT count(*) FROM routing_decisions WHERE lane <> 'v1' AND import_id <> $1", IMPORT
    ) == 0  # fmt: skip


async def test_who_asks_for_v2_again_goes_on_with_the_run_that_v1_has(store: Store) -> None:
    await rolled_back(store)
    first = await request(store, "v2")
    for _ in range(3):
        again = await request(store, "v2")
        assert (again.run, again.resumed, again.pipeline) == (first.run, True, "v1")
    await take(store, event_of(), pipeline="v1")
    assert (await request(store, "v2")).resumed
    await store.change_policy({"frozen": False, "passthrough": False}, by="ops", reason="mended")
    now = await request(store, "v2")
    assert (now.run, now.resumed, now.pipeline) == (2, False, "v2"), "what is asked for is given"
    back = await request(store, "v1")
    assert (back.run, back.pipeline) == (3, "v1")


async def test_it_waits_for_those_who_decide_and_not_for_those_who_come_after(
    store: Store, database: str
) -> None:
    """Imports that always overlap hold the policy all the time."""
    over, first = asyncio.Event(), asyncio.Event()

    async def imports(n: int) -> None:
        connection = await asyncpg.connect(database)
        try:
            while not over.is_set():
                async with connection.transaction():
                    await connection.execute("SELECT held_policy(), pg_sleep(0.05 + $1 * 0.007)", n)
                    first.set()
        finally:
            await connection.close()

    busy = [asyncio.create_task(imports(n)) for n in range(6)]
    try:
        await first.wait()
        async with asyncio.timeout(5):
            await rolled_back(store)
    finally:
        over.set()
        await asyncio.gather(*busy)


async def test_a_policy_that_is_taken_away_takes_no_rollback_with_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    await rolled_back(store)
    await sql.execute("DELETE FROM routing_policy")
    assert (await route(store)).pipeline == "v1"
    policy = await store.read_policy()
    assert (policy.frozen, policy.passthrough, policy.share, policy.version) == (True, True, 0, 3)
    assert policy.reason == "there was none; before: bad"
    await sql.execute("DELETE FROM routing_policy")
    await sql.execute("INSERT INTO routing_policy (share, reason) VALUES (10, 'by hand')")
    newest, *_ = await store.read_policy_history(1)
    assert (newest.version, newest.policy.share, newest.reason) == (4, 10, "by hand")


@pytest.mark.parametrize("role", ["service_role", None])
async def test_what_is_changed_by_hand_is_kept_too(
    store: Store, sql: asyncpg.Connection, role: str | None
) -> None:
    before = await store.read_policy()
    async with sql.transaction():
        if role is not None:
            await sql.execute(f"SET LOCAL ROLE {role}")
        await sql.execute(
            "UPDATE routing_policy SET share = 1000, version = 77, changed_by = 'psql', reason = 'by hand', "
            "entered_at = '2001-01-01Z'"
        )
    newest, older = await store.read_policy_history(2)
    assert (newest.version, newest.policy.share, newest.changed_by) == (before.version + 1, 1000, "psql")
    assert older.version == before.version
    assert newest.policy.entered_at > before.entered_at, "a share by hand begins a step, too"


@pytest.mark.parametrize("role", ["anon", "authenticated", "soulprint_service"])
async def test_nobody_else_reads_or_changes_it(sql: asyncpg.Connection, role: str) -> None:
    await sql.execute(f"SET ROLE {role}")
    for table in ("policy", "history", "overrides", "decisions"):
        for statement in ("SELECT FROM", "DELETE FROM"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await sql.execute(f"{statement} routing_{table}")


async def test_runs_of_one_lane_hide_none_of_the_other_nor_what_is_stuck(
    store: Store, sql: asyncpg.Connection
) -> None:
    since = datetime.now(UTC) - timedelta(hours=4)
    (stuck,) = await decided(sql, 1, "extracting", seconds=7300)
    newest = await decided(sql, 3, "failed")
    old = await decided(sql, 2, lane="v1")
    await decided(sql, 4, lane="v1")
    found = await store.read_outcomes(since, 7200.0, 3)
    assert sorted(each.lane for each in found) == ["v1"] * 3 + ["v2"] * 4
    assert {each.import_id for each in found if each.lane == "v2"} == {stuck, *newest}
    assert not {each.import_id for each in found} & set(old)
    assert [each.decided_at for each in found] == sorted((each.decided_at for each in found), reverse=True)
    assert [each.was_stuck for each in found if each.import_id == stuck] == [True]


async def test_recall_meets_services_at_work_on_the_same_runs_without_a_collision(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.router.rollback.TRIES", 1)
    runs = await decided(sql, 120, "extracting")
    await rolled_back(store)
    keys = sorted(RunKey(UUID(str(run)), 1) for run in runs)

    async def services() -> None:
        for at in range(0, len(keys), 20):
            await store.note_offered(keys[at : at + 20])
            await asyncio.gather(
                store.fail_run(keys[at].import_id, 1, "extract", "no"),
                store.cancel_run(keys[at + 1].import_id, 1),
            )

    recalled, _ = await asyncio.gather(recall(store, "slow"), services())
    ended = await sql.fetch("SELECT state, kind, error ->> 'step' AS step FROM imports WHERE run = 1")
    assert {row["state"] for row in ended} <= {"failed", "cancelled"}
    assert sum(row["step"] == "recalled" for row in ended) == recalled
    fallbacks = await sql.fetchval("SELECT count(*) FROM imports WHERE kind = 'fallback'")
    assert fallbacks == sum(row["state"] == "failed" for row in ended)
