"""`soulprint canary` as ops give it: what each command does to the policy, says, and ends with."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from services.router.buckets import bucket
from services.router.rollback import roll_back
from shared.domain.errors import StoreError, UnansweredError
from shared.domain.ids import shadow_id, user_id_for
from shared.settings import load_settings
from shared.store.store import Store, open_store
from soulprint.canary.reached import policy_store
from soulprint.canary.rolling import overtaken
from tests.support.canary import decided
from tests.support.command import Finished, Soulprint
from tests.support.forking import ForkedSoulprint, ForkServer
from tests.support.kinds import request
from tests.support.ports import free_port
from tests.support.records import ANNA, IMPORT, SEED

SHADOW = """
INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state, begun_at, finished_at,
                     updated_at, kind, parent_id, fact_counts, coverage, cost)
SELECT $2, 1, user_id, 'v2', source, true, 'complete', begun_at, finished_at, now(),
       'shadow', import_id, '{"kept": 14, "superseded": 2}', 1, 0.5
FROM imports WHERE import_id = $1
"""


class Canary:
    """The commands over one database, from somewhere that no Kafka answers."""

    def __init__(self, command: ForkedSoulprint) -> None:
        self.command = command

    def __call__(self, *arguments: str) -> Finished:
        return self.command("canary", *arguments)

    def done(self, *arguments: str) -> str:
        """What it said, having done it."""
        ended = self(*arguments)
        assert (ended.code, ended.err) == (0, ""), ended
        return ended.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self.done(*arguments, "--json"))

    def but(self, **settings: str) -> Canary:
        """The same with other settings."""
        kept = {**dict(self.command.command.settings), **settings}
        return Canary(replace(self.command, command=replace(self.command.command, settings=(*kept.items(),))))


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """Directly: what a command does is the same by every transport."""
    async with open_store(database) as opened:
        yield opened


@pytest.fixture
def canary(database: str, tmp_path: Path, fork_server: ForkServer) -> Canary:
    settings = {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "LOGNAME": "ana",
        "COLUMNS": "80",
    }
    return Canary(ForkedSoulprint(Soulprint(tmp_path / "home", (*settings.items(),)), fork_server))


@pytest.mark.slow
async def test_steps_are_taken_told_and_kept(canary: Canary, store: Store) -> None:
    said = canary.done("set", "0", "--reason", "v1 first")
    assert said.splitlines() == [
        "0 % of users go to v2 now, 100 % did before (policy 2). Imports under way stay in their lane.",
        "That is less: 100 % of users go back to v1 with their next import.",
        "Next: `canary shadow 10`: runs beside v1.",
    ]
    assert "v2 makes a shadow run now" in canary.done("shadow", "12.5", "--reason", "look", "--by", "bo")
    moved = canary.json("set", "10", "--reason", "first step")
    assert (moved["changed"], moved["policy"]["share"], moved["policy"]["version"]) == (True, 1000, 4)
    assert "Nothing changed" in canary.done("set", "10", "--reason", "again")
    assert "by itself" in canary.done("mode", "auto", "--reason", "trust")
    assert "enough 5" in canary.done("thresholds", "enough=5", "--reason", "few users")
    policy = await store.read_policy()
    assert (policy.share, policy.shadow, policy.mode, policy.thresholds) == (
        1000,
        1250,
        "auto",
        {"enough": 5},
    )
    kept = canary.json("history", "--limit", "4")
    assert [(each["version"], each["changed_by"], each["reason"]) for each in kept] == [
        (6, "ana", "few users"),
        (5, "ana", "trust"),
        (4, "ana", "first step"),
        (3, "bo", "look"),
    ]
    assert "3  shadow 0 % -> 12.5 %" in canary.done("history")


async def test_what_cannot_be_meant_changes_nothing(canary: Canary, store: Store) -> None:
    for arguments, why in (
        (("set", "100.01", "--reason", "x"), "more than all users"),
        (("shadow", "12.345", "--reason", "x"), "more than 2 decimals"),
        (("set", "10"), "Missing option '--reason'"),
        (("thresholds", "enuf=5", "--reason", "x"), "'enuf', which is none"),
    ):
        ended = canary(*arguments)
        assert (ended.code, ended.out, why in ended.err) == (2, "", True), ended
    assert (await store.read_policy()).version == 1


def test_of_two_ops_at_once_the_second_is_told_what_the_first_did(canary: Canary) -> None:
    asked = [
        canary.command.start("canary", "set", share, "--version", "1", "--by", by, "--reason", f"says {by}")
        for share, by in (("10", "ana"), ("50", "bo"))
    ]
    ended = [(*each.communicate(60), each.code) for each in asked]
    ((out, _, _),) = [each for each in ended if each[2] == 0]
    ((_, err, code),) = [each for each in ended if each[2] != 0]
    first, share = ("ana", "10 %") if "10 % of users" in out else ("bo", "50 %")
    assert code == 1
    assert "somebody else was quicker, it is not policy 1 any more" in err
    assert f"policy 2: share 100 % -> {share}; by {first} at 20" in err
    assert f"says {first}" in err
    told = canary("set", "5", "--version", "1", "--reason", "x", "--json")
    assert (told.code, told.json()["refusal"], told.json()["policy"]["version"]) == (1, "changed", 2)


async def test_an_override_leaves_a_run_under_way_where_it_is(canary: Canary, store: Store) -> None:
    await request(store, "v2")
    said = canary.done("override", str(ANNA), "v1", "--until", "7d", "--reason", "careful")
    assert f"Imports of {ANNA} go to v1 until 20" in said
    assert f"Import {IMPORT} run 1 is under way in v2 and stays there." in said
    (explained,) = await store.explain_routing([ANNA], "v2")
    assert (explained.lane, explained.reason) == ("v1", "override")
    assert "by override: it is said of this user" in canary.done("explain", str(ANNA))
    assert "the next import goes to v2, by share" in canary.done(
        "override", str(ANNA), "none", "--reason", "x"
    )
    assert await store.read_overrides() == []
    refused = canary("override", "ana", "v3", "--reason", "x")
    assert (refused.code, "no lane that is served" in refused.err) == (2, True)


async def test_explain_reads_users_from_standard_input_and_records_nothing(
    canary: Canary, store: Store, sql: asyncpg.Connection
) -> None:
    await store.change_policy({"share": 5000}, by="ops", reason="half")
    users = [
        *(str(uuid5(SEED, f"user {n}")) for n in range(700)),
        "Zoë",
        "11111111-1111-4111-8111-111111111111",
    ]
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "soulprint", "canary", "explain", "-"],
        env=canary.command.command.environment(),
        input="\n".join(users),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["user_id"] for each in lines] == [str(user_id_for(user)) for user in users]
    for each in lines:
        place = bucket("canary", UUID(each["user_id"]))
        assert each == {
            "user_id": each["user_id"],
            "bucket": place,
            "lane": "v2" if place < 5000 else "v1",
            "reason": "share",
        }
    assert await sql.fetchval("SELECT count(*) FROM routing_decisions") == 0
    assert await sql.fetchval("SELECT count(*) FROM user_names") == 0


async def test_a_check_ends_with_what_a_script_can_use(
    canary: Canary, store: Store, sql: asyncpg.Connection
) -> None:
    await store.change_policy({"share": 1000}, by="ops", reason="first step")
    held = canary("check")
    assert (held.code, held.out.startswith("Not enough to say: 0 ended")) == (3, True)
    await decided(sql, 20)
    passed = canary("check", "--json")
    assert (passed.code, passed.json()["verdict"]["kind"], passed.json()["acted"]) == (0, "pass", None)
    await decided(sql, 20, "failed")
    back = canary("check")
    assert (back.code, "Rolled back: every import goes to v1" in back.out) == (4, True)
    policy = await store.read_policy()
    assert (policy.frozen, policy.passthrough, policy.share) == (True, True, 0)
    assert policy.changed_by == "canary check by ana"
    again = canary("check", "--json")
    assert (again.code, again.json()["acted"]) == (4, None)
    assert "Rolled back before: canary check by ana at 20" in again.json()["told"][0]


async def test_a_rollback_holds_until_it_is_thawed_and_recalls_what_is_under_way(
    canary: Canary, store: Store
) -> None:
    await request(store, "v2")
    said = canary.done("rollback").splitlines()
    assert said[0].startswith("Rolled back at 20")
    assert "1 import is under way beside v1, and goes on to the end" in said[1]
    assert said[-1] == "Next: mend the cause, `canary thaw`, then from 10 % again."
    (explained,) = await store.explain_routing([ANNA], "v2")
    assert (explained.lane, explained.reason) == ("v1", "passthrough")
    frozen = canary("set", "10", "--reason", "too early")
    assert (frozen.code, "frozen, as after a rollback. By ana at 20" in frozen.err) == (1, True)
    recalled = canary.json("rollback", "--recall", "--reason", "it is bad")
    assert (recalled["changed"], recalled["recalled"]) == (False, 1)
    assert "It was rolled back before, by ana" in recalled["told"][0]
    (fallback,) = [each for each in await store.read_in_flight() if each.kind == "fallback"]
    assert (fallback.lane, fallback.runs) == ("v1", 1)
    assert "passthrough is off" in canary.done("thaw", "--reason", "mended")
    assert "Every import goes to v1 now" in canary.done("passthrough", "on", "--reason", "a drill")
    assert "Passthrough is off" in canary.done("passthrough", "off", "--reason", "the drill is over")
    policy = await store.read_policy()
    assert (policy.frozen, policy.passthrough, policy.share, policy.shadow) == (False, False, 0, 0)


async def test_a_rollback_says_whom_it_overtook(store: Store) -> None:
    before = await store.read_policy()
    await store.change_policy({"share": 5000}, by="bo", reason="a step")
    after = (await roll_back(store, by="ana", reason="bad")).policy
    first, other = await overtaken(store, before, after)
    assert first == "Somebody else had changed it just before:"
    assert other.startswith("policy 2: share 100 % -> 50 %; by bo at 20")
    assert await overtaken(store, after, after) == []


async def test_a_database_that_goes_away_leaves_it_open_what_was_changed(database: str) -> None:
    with pytest.raises(StoreError, match=r"Whether anything was changed is not known.+Bring it back"):
        async with policy_store(load_settings(database_url=database)):
            raise UnansweredError("change_policy: the database gave no answer within 5 s")
    with pytest.raises(StoreError, match=r"^a rule$"):
        async with policy_store(load_settings(database_url=database)):
            raise StoreError("a rule", sqlstate="23514")


async def test_a_row_made_nonsense_by_hand_is_shown_rolled_back_and_mended(
    canary: Canary, store: Store, sql: asyncpg.Connection
) -> None:
    await store.read_policy()
    await sql.execute(
        "UPDATE routing_policy SET share = 33, frozen = true, thresholds = '{\"nonsense\": [1]}', "
        "entered_at = now() + interval '1 hour', changed_by = E'\\x1b[31m', reason = repeat('x ', 5000)"
    )
    shown = canary.but(COLUMNS="60").done("show")
    assert max(map(len, shown.splitlines())) <= 60
    assert "\x1b" not in shown
    assert "frozen by hand: 0.33 % of users still go to v2" in shown
    assert "'nonsense', which is none" in " ".join(shown.split())
    assert canary.json("rollback")["policy"]["share"] == 0
    canary.done("thresholds", "nonsense=", "--reason", "mended")
    assert (await store.read_policy()).thresholds == {}
    assert canary.json("thresholds")["wrong"] == ""


async def test_ops_see_lanes_and_pairs(canary: Canary, store: Store, sql: asyncpg.Connection) -> None:
    await store.change_policy({"share": 1000, "shadow": 1000}, by="ops", reason="first step")
    await decided(sql, 19)
    await decided(sql, 1, "failed")
    for import_id in await decided(sql, 3, lane="v1", seconds=2.0):
        await sql.execute("UPDATE routing_decisions SET shadow = true WHERE import_id = $1", import_id)
        await sql.execute(
            SHADOW,
            import_id,
            shadow_id(import_id, "v2"),
        )
    seen = canary.json("show")
    assert [(each["lane"], each["ended"], each["complete"]) for each in seen["verdict"]["lanes"]] == [
        ("v1", 3, 3),
        ("v2", 20, 19),
    ]
    assert (seen["policy"]["share"], seen["served"], seen["standing"]["step"]["name"]) == (1000, "v2", "10 %")
    found = canary.json("compare", "--since", "1h")
    assert found["pairs"]["both_complete"] == 3
    assert found["pairs"]["figures"]["facts"]["shadow"] == 12
    told = canary.done("compare").splitlines()
    assert any("3 pairs of a v1 run and its shadow: 3 both complete" in line for line in told)
    assert any(line.split()[:3] == ["facts", "0", "12"] for line in told)
    assert max(map(len, told)) <= 80


def test_the_end_of_a_route_is_announced_and_taken_back(canary: Canary) -> None:
    said = canary.json("deprecate", "--sunset", "30d", "--reason", "v2 serves all")
    assert said["policy"]["deprecated_at"] < said["policy"]["sunset_at"]
    assert "that it ends at 20" in said["told"][0]
    assert canary.json("deprecate", "--off", "--reason", "too early")["policy"]["sunset_at"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("rollback",),
            ("scale chunker, extractor and consolidator to 0", "RLM_API_URL", "this command first"),
        ),
        (("set", "10", "--reason", "x"), ("no import is taken and nothing is decided", "Bring it back")),
    ],
)
def test_without_the_database_it_is_said_what_can_be_done(
    canary: Canary, arguments: tuple[str, ...], told: tuple[str, ...]
) -> None:
    ended = canary.but(DATABASE_URL=f"postgresql://x:secret@127.0.0.1:{free_port()}/x")(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert all(each in ended.err for each in ("cannot be reached", *told)), ended.err
    assert "secret" not in ended.err
