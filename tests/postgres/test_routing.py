"""Where imports go: decided once, by the policy at that moment, and recorded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from services.router.buckets import bucket, shadow_bucket
from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKey, RunKind
from shared.store.accepting import AcceptedRun, Routed
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, BORIS, IMPORT, SEED

ONES = UUID("11111111-1111-4111-8111-111111111111")
USERS = [uuid5(SEED, f"user {n}") for n in range(400)]


async def change(store: Store, **changes: Any) -> None:
    answer = await store.change_policy(changes, by="ops", reason="a test")
    assert answer.refusal is None, answer


def event_of(user: UUID, import_id: UUID = IMPORT, **fields: Any) -> ImportReceived:
    given = {
        "import_id": import_id,
        "user_id": user,
        "run": 1,
        "source": "b/p",
        "requested_at": datetime.now(UTC),
    }
    return ImportReceived(**(given | fields))


async def route(store: Store, event: ImportReceived, served: str = "v2") -> Routed:
    parent = event.import_id
    return await store.route_import(event, served, "markdown", quick_id(parent), shadow_id(parent, served))


async def test_a_fresh_database_sends_all_to_what_is_served(store: Store) -> None:
    policy = await store.read_policy()
    assert (policy.share, policy.shadow, policy.mode, policy.frozen) == (10_000, 0, "manual", False)
    assert (await route(store, event_of(ANNA))).pipeline == "v2"


async def test_the_database_and_python_agree_on_every_bucket(store: Store, sql: asyncpg.Connection) -> None:
    assert bucket("canary", ONES) == 5128
    rows = await sql.fetch(
        "SELECT u, routing_bucket('canary', u) AS one, routing_bucket('canary:shadow', u) AS other "
        "FROM unnest($1::uuid[]) u",
        [ONES, *USERS],
    )
    assert [(r["one"], r["other"]) for r in rows] == [
        (bucket("canary", user), shadow_bucket("canary", user)) for user in [ONES, *USERS]
    ]


@EVERY_WAY
async def test_raising_the_share_moves_nobody_back(store: Store) -> None:
    before: set[UUID] = set()
    for share in range(0, 10_001, 1000):
        await change(store, share=share)
        there = {each.user_id for each in await store.explain_routing(USERS, "v2") if each.lane == "v2"}
        assert before <= there
        before = there
    assert before == set(USERS)


async def test_the_order_of_reasons(store: Store, sql: asyncpg.Connection) -> None:
    await change(store, share=0)

    async def decided(n: int, **fields: Any) -> tuple[str, str]:
        event = event_of(ANNA, uuid5(SEED, f"import {n}"), **fields)
        lane = (await route(store, event)).pipeline
        row = await sql.fetchrow("SELECT * FROM routing_decisions WHERE import_id = $1", event.import_id)
        assert row is not None
        assert (row["lane"], row["bucket"], row["share"]) == (lane, bucket("canary", ANNA), 0)
        return lane, row["reason"]

    assert await decided(1) == ("v1", "share")
    assert await decided(2, pipeline="v2") == ("v2", "explicit")
    assert await store.override_routing(ANNA, "v1", by="ops", reason="careful") == []
    assert await decided(3, pipeline="v2") == ("v1", "override")
    await store.override_routing(ANNA, "v2", by="ops", reason="tries it")
    assert await decided(4) == ("v2", "override")
    await change(store, passthrough=True)
    assert await decided(5) == ("v1", "passthrough")
    assert await decided(4) == ("v2", "override"), "what was decided stays"
    await change(store, passthrough=False)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await store.override_routing(ANNA, "v2", by="ops", reason="for a while", until=past)
    assert await decided(6) == ("v1", "share")
    await store.override_routing(ANNA, None, by="ops", reason="enough")
    assert await decided(7) == ("v1", "share")


@EVERY_WAY
async def test_one_event_many_times_while_the_share_changes_is_one_decision(
    store: Store, sql: asyncpg.Connection
) -> None:
    async def waver() -> None:
        for share in [0, 10_000] * 10:
            await change(store, share=share)

    event = event_of(ANNA)
    lanes, _ = await asyncio.gather(asyncio.gather(*(route(store, event) for _ in range(50))), waver())
    assert len({each.pipeline for each in lanes}) == 1
    assert await sql.fetchval("SELECT count(*) FROM routing_decisions") == 1


async def test_an_accepted_import_is_decided_on_in_the_same_transaction(
    store: Store, sql: asyncpg.Connection
) -> None:
    await change(store, share=0)
    taken = await store.accept_import(IMPORT, ANNA, "b/p", "v2")
    assert isinstance(taken, AcceptedRun)
    assert (taken.pipeline, taken.reason) == ("v1", "share")
    await change(store, share=10_000)
    later = await route(store, event_of(ANNA))
    assert (later.pipeline, later.reason) == ("v1", None), "to its end; it was counted when it was decided"
    await store.cancel_run(IMPORT, 1)
    again = await store.accept_import(IMPORT, ANNA, "b/p", "v2")
    assert isinstance(again, AcceptedRun)
    assert (again.run, again.pipeline) == (2, "v2"), "a later run is decided on anew"
    runs = await sql.fetch("SELECT run, lane FROM routing_decisions ORDER BY run")
    assert [tuple(run) for run in runs] == [(1, "v1"), (2, "v2")]


async def test_another_user_does_not_decide_for_the_one(store: Store, sql: asyncpg.Connection) -> None:
    await store.accept_import(IMPORT, ANNA, "b/p", "v2")
    await route(store, event_of(BORIS))
    assert [row["user_id"] for row in await sql.fetch("SELECT * FROM routing_decisions")] == [ANNA]


async def test_a_shadow_run_stands_beside_a_run_of_v1(store: Store) -> None:
    await change(store, share=0, shadow=10_000)
    ours = shadow_id(IMPORT, "v2")
    taken = await store.accept_import(IMPORT, ANNA, "b/p", "v2", shadow_id=ours)
    assert isinstance(taken, AcceptedRun)
    assert taken.shadow is not None
    assert (taken.pipeline, taken.shadow.import_id, taken.shadow.pipeline) == ("v1", ours, "v2")
    (run,) = await store.list_runs(ours)
    assert (run.kind, run.parent_id, run.pipeline) == (RunKind.SHADOW, IMPORT, "v2")
    other = uuid5(SEED, "other")
    await change(store, share=10_000)
    assert (await route(store, event_of(ANNA, other))).shadow is None


async def test_who_changes_the_policy_second_is_told_what_the_first_did(store: Store) -> None:
    version = (await store.read_policy()).version
    first = await store.change_policy({"share": 1000}, by="ann", reason="begin", expected=version)
    assert (first.refusal, first.changed, first.policy.version) == (None, True, version + 1)
    second = await store.change_policy({"share": 5000}, by="bob", reason="more", expected=version)
    assert (second.refusal, second.policy.share, second.policy.changed_by) == ("changed", 1000, "ann")
    same = await store.change_policy({"share": 1000}, by="bob", reason="again")
    assert (same.refusal, same.changed) == (None, False)
    newest, before, *_ = await store.read_policy_history()
    assert (newest.version, newest.policy.share, newest.reason) == (version + 1, 1000, "begin")
    assert before.policy.share == 10_000


@EVERY_WAY
async def test_changes_at_once_wait_for_each_other(store: Store) -> None:
    version = (await store.read_policy()).version
    answers = await asyncio.gather(
        *(store.change_policy({"share": n}, by="ops", reason="", expected=version) for n in range(10))
    )
    assert sum(answer.refusal is None for answer in answers) == 1


async def test_what_is_frozen_is_thawed_first(store: Store) -> None:
    figures = {"failed": 7}
    await store.change_policy(
        {"frozen": True, "passthrough": True, "share": 0}, by="judge", reason="failures", figures=figures
    )
    refused = await store.change_policy({"share": 1000}, by="ops", reason="on with it")
    assert (refused.refusal, refused.policy.reason) == ("frozen", "failures")
    await change(store, frozen=False, passthrough=False)
    await change(store, share=1000)
    *_, rolled_back = [v for v in await store.read_policy_history() if v.policy.frozen]
    assert rolled_back.figures == figures


@pytest.mark.parametrize(
    "nonsense",
    [
        {"share": 10_001},
        {"share": -1},
        {"mode": "wild"},
        {"thresholds": []},
        {"deprecated_at": "infinity"},  # no header can tell it, and no answer that takes an import
        {"deprecated_at": "0044-03-15 BC"},
        {"deprecated_at": "2026-03-01T00:00:00Z", "sunset_at": "2026-02-28T00:00:00Z"},
        {"sunset_at": "infinity"},
    ],
)
@EVERY_WAY
async def test_nonsense_is_refused(store: Store, nonsense: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="change_policy"):
        await store.change_policy(nonsense, by="ops", reason="")


async def test_a_policy_that_was_taken_away_is_as_the_first_was(
    store: Store, sql: asyncpg.Connection
) -> None:
    await sql.execute("DELETE FROM routing_policy")
    assert (await route(store, event_of(ANNA))).pipeline == "v2"
    assert (await store.read_policy()).share == 10_000


@EVERY_WAY
async def test_calls_are_counted_by_user_the_latest_first(store: Store) -> None:
    for user, calls in ((ANNA, 1), (BORIS, 1), (ANNA, 3)):
        await store.note_legacy_call("/process-full", user, calls)
    since = datetime.now(UTC) - timedelta(hours=1)
    found = await store.read_legacy_calls(since)
    assert [(each.user_id, each.calls) for each in found] == [(ANNA, 4), (BORIS, 1)]
    assert await store.read_legacy_calls(datetime.now(UTC) + timedelta(hours=1)) == []


@EVERY_WAY
async def test_a_run_whose_lane_has_no_topic_is_kept_to_be_offered_again(store: Store) -> None:
    event = event_of(ANNA, conversation_count=3)
    assert (await store.keep_event(event, "v1", "app")).refusal is None
    assert (await store.keep_event(event, "v1", "app")).refusal is None, "a second delivery is the same run"
    (row,) = await store.take_unoffered(0.0, 30.0, 10)
    assert (row.import_id, row.run, row.pipeline, row.asked.conversation_count) == (IMPORT, 1, "v1", 3)
    await store.note_offered([RunKey(IMPORT, 1)])
    assert await store.take_unoffered(0.0, 30.0, 10) == []
    await store.keep_event(event, "v1", "app")
    assert len(await store.take_unoffered(0.0, 30.0, 10)) == 1
    assert (await store.keep_event(event_of(BORIS), "v1", "app")).refusal == "foreign"
    assert (await store.take_run(event, "v1", "a")).refusal is None
    assert (await store.keep_event(event, "v1", "app")).refusal == "taken"
    assert (await store.keep_event(event_of(ANNA, run=2), "v1", "app")).refusal is None
    assert (await store.keep_event(event, "v1", "app")).refusal == "older"


async def test_behind_runs_that_nobody_takes_the_others_do_not_wait(store: Store) -> None:
    stuck = [event_of(ANNA, uuid5(SEED, f"stuck {n}")) for n in range(3)]
    for event in stuck:
        await store.keep_event(event, "v1", "app")
    assert len(await store.take_unoffered(0.0, 0.0, 3)) == 3
    fresh = event_of(BORIS, uuid5(SEED, "fresh"))
    await store.keep_event(fresh, "v2", "app")
    (first, *_) = await store.take_unoffered(0.0, 0.0, 1)
    assert first.import_id == fresh.import_id
