"""The judge at work: what it does with verdicts, who may, and that only the database's clock counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.router import judge as judging
from services.router.judge import LEASE, Judge
from services.router.rollback import Flight, in_flight, recall, roll_back
from shared.domain.errors import StoreError
from shared.store.routing import PolicyNow
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.canary import decided
from tests.support.kinds import request
from tests.support.records import IMPORT

TENTH = {"share": 1000, "mode": "auto", "thresholds": {"step_seconds": [0, 0, 0], "enough": 20}}


async def change(store: Store, **changes: Any) -> PolicyNow:
    answer = await store.change_policy(changes, by="ops", reason="a test")
    assert answer.refusal is None, answer
    return await store.read_policy()


async def leads(store: Store, owner: str, seconds: float = 60.0) -> Judge:
    """The judge of a process that takes the lead."""
    assert await store.take_lease(LEASE, owner, seconds)
    return Judge(store, owner=owner)


def between(
    monkeypatch: pytest.MonkeyPatch, store: Store, act: Callable[[], Awaitable[object]], times: int = 1
) -> None:
    """Have something happen after outcomes were read, before anything is done about them."""
    read, left = store.read_policy_history, [times]

    async def reading(limit: int = 20) -> Any:
        answer = await read(limit)
        if left[0]:
            left[0] -= 1
            await act()
        return answer

    monkeypatch.setattr(store, "read_policy_history", reading)


@pytest.mark.parametrize("mode", ["manual", "auto"])
async def test_a_lane_that_fails_is_rolled_back_in_every_mode(
    store: Store, sql: asyncpg.Connection, mode: str
) -> None:
    await change(store, share=5000, shadow=100, mode=mode)
    await decided(sql, 7, "failed")
    judged = await (await leads(store, "a")).check()
    assert judged.acted == "rollback"
    policy = await store.read_policy()
    assert (policy.passthrough, policy.share, policy.shadow, policy.frozen) == (True, 0, 0, True)
    assert (policy.mode, policy.changed_by) == (mode, "judge")
    assert policy.reason.startswith("7 of 7 failed: log ratio ")
    newest, *_ = await store.read_policy_history(1)
    assert newest.figures is not None
    assert newest.figures["verdict"] == "rollback"
    assert "every import goes to v1" in judged.sentence
    again = await (await leads(store, "a")).check()
    assert (again.act, again.looked.verdict.kind) == (None, "hold")
    assert "frozen" in again.sentence


async def test_runs_that_get_stuck_are_rolled_back_and_a_few_hold(
    store: Store, sql: asyncpg.Connection
) -> None:
    await change(store, **TENTH)
    await decided(sql, 30)
    await decided(sql, 10, "extracting", seconds=7300)
    judge = await leads(store, "a")
    held = await judge.check()
    assert (held.act, held.looked.verdict.kind) == (None, "hold")
    assert "10 runs are stuck" in held.sentence
    await decided(sql, 1, "extracting", seconds=7300)
    assert (await judge.check()).acted == "rollback"
    assert "11 runs became stuck within 1 h" in (await store.read_policy()).reason


async def test_a_pass_is_a_promotion_in_auto_mode_alone_after_the_steps_time(
    store: Store, sql: asyncpg.Connection
) -> None:
    await change(store, **TENTH | {"mode": "manual"})
    judge = await leads(store, "a")
    assert (await judge.check()).looked.verdict.kind == "inconclusive"
    await decided(sql, 20)
    told = await judge.check()
    assert (told.act, told.looked.standing.allowed) == (None, True)
    assert "The next step is allowed" in told.sentence
    await change(store, mode="auto", thresholds=TENTH["thresholds"] | {"step_seconds": [3600, 0, 0]})
    waits = await judge.check()
    assert (waits.act, waits.looked.verdict.kind) == (None, "pass")
    assert "have yet to pass" in waits.sentence
    await change(store, thresholds=TENTH["thresholds"])
    went = await judge.check()
    assert (went.acted, went.policy.share) == ("share", 5000)
    assert "success 100" in went.policy.reason
    assert (await judge.check()).looked.verdict.kind == "inconclusive", "the next step begins anew"


async def test_at_the_last_step_the_end_of_the_route_is_announced(
    store: Store, sql: asyncpg.Connection
) -> None:
    await change(store, **TENTH | {"share": 10_000})
    await decided(sql, 20)
    judged = await (await leads(store, "a")).check()
    assert judged.acted == "deprecate"
    policy = await store.read_policy()
    assert policy.deprecated_at is not None
    assert policy.sunset_at == policy.deprecated_at + timedelta(days=7)
    assert (await (await leads(store, "a")).check()).act is None


@pytest.mark.parametrize(("failed", "act"), [(20, "rollback"), (0, "share")])
async def test_of_two_leaders_at_once_one_acts(
    store: Store, sql: asyncpg.Connection, failed: int, act: str
) -> None:
    await change(store, **TENTH)
    await decided(sql, 20)
    await decided(sql, failed, "failed")
    judges = [Judge(store), Judge(store)]  # as two whom no lease keeps apart
    first = await asyncio.gather(*(judge.check() for judge in judges))
    assert sorted(str(each.acted) for each in first) == sorted([act, "None"]), first
    assert len([v for v in await store.read_policy_history() if v.changed_by == "judge"]) == 1


async def test_a_leader_that_sleeps_through_its_lease_does_nothing(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy is what it was, but what was seen of its runs was long ago."""
    before = await change(store, **TENTH)
    await decided(sql, 20)
    sleeper = await leads(store, "a")

    async def the_lease_ends() -> None:
        await sql.execute("UPDATE leases SET until = clock_timestamp() - interval '1 s'")
        assert await store.take_lease(LEASE, "b", 60.0)

    between(monkeypatch, store, the_lease_ends)
    judged = await sleeper.check()
    assert (judged.act, judged.acted) == ("share", None)
    assert judged.change is not None
    assert judged.change.refusal == "lease"
    assert "Nothing was done" in judged.sentence
    assert (await store.read_policy()).version == before.version
    assert (await Judge(store, owner="b").check()).acted == "share"


@EVERY_WAY
async def test_a_leader_acts_on_nothing_that_has_changed_since(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await change(store, **TENTH)
    await decided(sql, 20)
    judge = await leads(store, "a")
    between(monkeypatch, store, lambda: change(store, share=2500))
    judged = await judge.check()
    assert judged.act is None, "it was judged anew, and of the new share nothing is known"
    assert (judged.policy.share, judged.looked.verdict.kind) == (2500, "inconclusive")


async def test_a_change_of_something_else_does_not_put_a_rollback_off(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await change(store, **TENTH)
    await decided(sql, 7, "failed")
    between(monkeypatch, store, lambda: change(store, mode="manual"))
    assert (await (await leads(store, "a")).check()).acted == "rollback"
    always = await change(store, frozen=False, passthrough=False, share=1000)
    await decided(sql, 7, "failed")
    shares = iter(range(1001, 1010))
    between(monkeypatch, store, lambda: change(store, deprecated_at=f"20{next(shares) - 980}-01-01Z"), 10)
    late = await (await leads(store, "a")).check()
    assert late.change is not None
    assert (late.acted, late.change.refusal) == (None, "changed"), "it does not try for ever"
    assert (await store.read_policy()).version == always.version + judging.AGAIN


async def test_a_frozen_policy_that_still_serves_the_lane_is_rolled_back(
    store: Store, sql: asyncpg.Connection
) -> None:
    await change(store, share=1000, frozen=True)
    assert (await store.change_policy({"share": 900}, by="ops", reason="")).refusal == "frozen"
    await decided(sql, 7, "failed")
    assert (await (await leads(store, "a")).check()).acted == "rollback"


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"sucess": 0.9}, "'sucess', which is none"),
        ({"failure_rate": "low"}, "failure_rate is 'low'"),
        ({"stuck_seconds": 1e300}, "stuck_seconds is 1e+300"),
        ({"shares": [10]}, "1 shares and 3 step_seconds"),
        ({"step_seconds": {"a": [None]}}, "step_seconds must be a list"),
        ({"success": 1e200}, "success is 1e+200"),
    ],
)
async def test_thresholds_of_nonsense_hold_and_keep_nobody_from_being_rolled_back(
    store: Store, sql: asyncpg.Connection, thresholds: dict[str, Any], said: str
) -> None:
    await change(store, share=1000, mode="auto")
    await sql.set_type_codec("jsonb", encoder=json.dumps, decoder=str, schema="pg_catalog")
    await sql.execute("UPDATE routing_policy SET thresholds = $1", thresholds)
    await decided(sql, 30)
    judge = await leads(store, "a")
    held = await judge.check()
    assert (held.act, held.looked.verdict.kind) == (None, "hold")
    assert said in held.sentence
    await decided(sql, 20, "failed")
    assert (await judge.check()).acted == "rollback"


@pytest.mark.parametrize(
    "nonsense",
    [
        "share = 10001", "shadow = -1", "mode = 'wild'", "thresholds = '[]'", "salt = ''",
        "deprecated_at = 'infinity'", "entered_at = '-infinity'", "sunset_at = 'infinity'",
        "deprecated_at = '2030-01-01Z', sunset_at = '2029-01-01Z'", "share = NULL",
        "thresholds = '{\"a\": [{\"b\": -1e400}]}'",
    ],
)  # fmt: skip
async def test_a_row_edited_by_hand_into_nonsense_is_refused_by_the_table(
    store: Store, sql: asyncpg.Connection, nonsense: str
) -> None:
    before = await store.read_policy()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await sql.execute(f"UPDATE routing_policy SET {nonsense}")
    assert (await store.read_policy()).version == before.version


async def test_a_row_whose_times_are_wrong_holds(store: Store, sql: asyncpg.Connection) -> None:
    await change(store, **TENTH)
    await decided(sql, 30)
    await sql.execute("SET session_replication_role = replica")  # as by hand, without the trigger
    await sql.execute("UPDATE routing_policy SET entered_at = now() + interval '1 year'")
    judged = await (await leads(store, "a")).check()
    assert (judged.act, judged.looked.verdict.kind) == (None, "inconclusive")


async def test_the_clock_of_the_process_says_nothing(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that judges asks it: `now` is the database's."""

    class Never(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            raise AssertionError("a clock of the process was asked")

    for module in ("steps", "verdict", "counting"):
        monkeypatch.setattr(f"services.router.judging.{module}.datetime", Never)
    await change(store, **TENTH)
    await decided(sql, 20)
    looked = await (await leads(store, "a")).look()
    here = await sql.fetchval("SELECT clock_timestamp()")
    assert timedelta() <= here - looked.policy.now < timedelta(minutes=1)
    assert looked.verdict.judged_at == looked.policy.now
    assert 0 <= looked.standing.lasted_seconds < 60


async def test_the_step_before_is_compared_with(store: Store, sql: asyncpg.Connection) -> None:
    slow = {"most_within_seconds": 7000, "long_seconds": 7000, "step_seconds": [0, 0, 0]}
    await change(store, share=1000, mode="auto", thresholds=slow)
    await decided(sql, 30, seconds=10)
    await change(store, share=5000)
    await decided(sql, 30, seconds=100)
    judged = await (await leads(store, "a")).check()
    assert (judged.act, judged.looked.verdict.kind) == (None, "hold")
    assert "in the step before" in judged.sentence


@EVERY_WAY
async def test_recall_ends_what_is_under_way_in_batches_and_is_told(
    store: Store, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.router.rollback.BATCH", 3)
    await decided(sql, 7, "extracting")
    await decided(sql, 2, "chunking", lane="v1")
    answer = await roll_back(store, by="ops", reason="slow")
    assert (answer.changed, answer.policy.frozen) == (True, True)
    flight = await in_flight(store)
    assert (flight.served, flight.v1) == (7, 2)
    assert "7 imports are under way beside v1, and go on to the end" in flight.sentences[0]
    assert await recall(store, "slow") == 7
    flight = await in_flight(store, 7)
    assert (flight.served, flight.v1, flight.fallbacks) == (0, 2, 7)
    assert flight.sentences == (
        "7 imports were called back: v1 makes sections for each user who has none, and those who have "
        "sections keep them",
        "v1 has 2 imports and 7 fallbacks under way",
    )
    assert await recall(store, "slow") == 0
    assert Flight(0, 0, 0, 0).sentences == ("nothing is under way",)


async def test_without_the_database_nothing_is_rolled_back_and_nothing_is_taken(
    store: Store, sql: asyncpg.Connection
) -> None:
    """What cannot be done is said: no import is decided on either."""
    await sql.execute("ALTER TABLE routing_policy RENAME TO away")
    with pytest.raises(StoreError, match="change_policy"):
        await roll_back(store, by="ops", reason="now")
    with pytest.raises(StoreError, match="accept_import"):
        await request(store, "v2")
    await sql.execute("ALTER TABLE away RENAME TO routing_policy")
    assert await sql.fetchval("SELECT count(*) FROM imports") == 0
    assert (await roll_back(store, by="ops", reason="now")).changed
    assert (await request(store, "v2", IMPORT)).pipeline == "v1"
