"""The whole rollout, as docs/cutover.md tells it, with days of a second: shadow, 10, 50, a bad release that
is rolled back by itself, its fix, again from 10 to 100, and the end of v1. Every import has sections at its
end, and nobody's imports go back to v1 but by the rollback.

`make test` plays it with a dozen people and a kill of each; `make chaos [SEED=1]` with 2,000 imports, and 30
kills of routers, gateways and the leader that judges.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from shared.domain.runs import RunKind
from shared.pipelines import V1
from shared.store.routing import SHARE_WHOLE
from shared.store.store import Store
from tests.chaos.fire import say
from tests.support.face import DIGEST, called
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.ports import free_port
from tests.support.rollout import EVENT, NEW, OLD, Rollout, people
from tests.support.services import Setting
from tests.support.storage_server import storage_server
from tests.support.telling import telling
from tests.support.waiting import until

LONG = bool(os.environ.get("CHAOS"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
KILLS = 30 if LONG else 3
IMPORTS = 2000 if LONG else 60
"""At least."""
DOZENS = 20 if LONG else 1
LONGEST_REST = 4.0 if LONG else 1.5
"""Seconds between two kills, at most."""
DAY = 2.0 if LONG else 1.0
ENOUGH = 2 * DOZENS
SERVICES = ("gateway", "router", "router", "quickpass", "chunker", "extractor", "consolidator", "writer")
TUNING = {"TUNED_SESSION_MS": "2000", "TUNED_RELAY_SECONDS": "0.2"}
REFUSING = {"TUNED_MODEL_REFUSES": "1"}
THRESHOLDS: dict[str, Any] = {
    "step_seconds": [DAY, DAY, 2 * DAY],
    "shadow_seconds": DAY,
    "announced_seconds": DAY,
    "day_seconds": DAY,
    "enough": ENOUGH,
    "worse": 1000.0,  # how long each takes says more of this machine, and of kills, than of a release
}
"""A rollout's days, as seconds. What rolls back is the product's own."""
JUDGING = "SELECT owner FROM leases WHERE name = 'canary.judge' AND until > now()"


@asynccontextmanager
async def rollout_of(
    kafka: Broker, database: str, store: Store, sql: asyncpg.Connection, fork_server: ForkServer, folder: Path
) -> AsyncIterator[tuple[Rollout, Fleet]]:
    """Services that consume, and people of whom two of twelve are below the first step and ten below the
    second."""
    port = free_port()
    async with storage_server("service-key") as storage, called(port) as client:
        storage.make_bucket("imports")
        setting = Setting(kafka.bootstrap, database, folder)
        setting.changes = {
            "gateway_port": port,
            "service_keys": DIGEST,
            "supabase_url": storage.url,
            "supabase_service_role_key": storage.key,
            "profile_format": "app",
            "imports_per_hour": 100_000,
            "imports_unfinished": 100_000,
            "extract_workers": 0,
            "lease_seconds": 3,
            "stall_seconds": 10,
            "sweep_seconds": 1,
            "canary_check_seconds": 0.3,
        }
        await setting.make_topics()
        users = people(
            Random(SEED), (2 * DOZENS, 0, 1000), (8 * DOZENS, 1000, 5000), (2 * DOZENS, 5000, SHARE_WHOLE)
        )
        with fleet(setting, folder, TUNING, fork_server) as services:
            for number, service in enumerate(SERVICES):
                services.start(service, f"{service}-{number}")
            await services.ready()
            async with telling(services):
                yield Rollout(setting, fork_server, store, sql, storage, client, users), services
            assert services.ended() == {}, "a service ended by itself"
            codes = await services.stop()
        assert set(codes.values()) == {0}, codes


class Killing:
    """kill -9 of a gateway, a router and the leader in turn, at random moments."""

    def __init__(self, services: Fleet) -> None:
        self._services = services
        self._random = Random(SEED)
        self.kills: list[str] = []

    async def __call__(self) -> None:
        """Go on until there were enough. What runs meanwhile is what is tested: nothing is waited for."""
        while len(self.kills) < KILLS:
            await asyncio.sleep(self._random.uniform(0.1, LONGEST_REST))
            what = ("gateway", "router", "leader")[len(self.kills) % 3]
            if (victim := await self._victim(what)) is not None:
                self.kills.append(what)
                await asyncio.to_thread(self._services.restart, victim)

    async def _victim(self, what: str) -> str | None:
        members = self._services.members.values()
        if what != "leader":
            return self._random.choice(sorted(each.name for each in members if each.service == what))
        connection = await asyncpg.connect(self._services.setting.database)
        try:
            owner = await connection.fetchval(JUDGING)
        finally:
            await connection.close()
        pid = int(owner.split(":")[1]) if owner else 0
        return next((each.name for each in members if each.process.pid == pid), None)


async def test_a_rollout_from_shadow_to_the_end_of_v1(
    kafka: Broker,
    database: str,
    store: Store,
    sql: asyncpg.Connection,
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    began = time.monotonic()
    async with rollout_of(kafka, database, store, sql, fork_server, tmp_path) as (rollout, services):
        killing = Killing(services)
        killer = asyncio.create_task(killing())
        try:
            for part in (beside, by_hand, bad_release, by_itself):
                await part(rollout, services)
                say(f"{part.__name__}: {time.monotonic() - began:.0f} s, {rollout.imports:,} imports")
            while not killer.done() or rollout.imports < IMPORTS:
                await rollout.wave()
                await rollout.all_ended()
            killer.result()
            await end_of_v1(rollout, services)
            history = await store.read_policy_history(limit=1000)
            former = [False, *(each.policy.passthrough for each in reversed(history))]
            rollbacks = sum(not a and b for a, b in pairwise(former))
            assert rollbacks == 1, [each.reason for each in history]
        finally:
            killer.cancel()
            with suppress(asyncio.CancelledError):
                await killer
    took, kills = time.monotonic() - began, dict(Counter(killing.kills))
    say(f"seed {SEED}: {rollout.imports:,} imports in {took:.0f} s, kills {kills}")


async def beside(rollout: Rollout, _: Fleet) -> None:
    """v2 runs beside v1, and nobody sees it."""
    await rollout.store.change_policy(
        {"thresholds": THRESHOLDS, "share": 0}, by="ops", reason="before the first step"
    )
    await rollout.ops("shadow", "100", "--reason", "a day of shadow")
    await rollout.wave()
    await rollout.all_ended()
    assert {lane for lane, *_ in await rollout.lanes(1)} == {V1}
    begun = (await rollout.policy()).entered_at
    pairs = await rollout.store.read_pairs(begun)
    assert len(pairs) == rollout.imports
    assert all(pair.shadow.state == "complete" and pair.shadow.facts for pair in pairs)
    assert await rollout.sql.fetchval("SELECT count(*) FROM user_profiles WHERE memory_md <> ''") == 0


async def by_hand(rollout: Rollout, _: Fleet) -> None:
    """10, and 50, as ops say."""
    await rollout.ops("shadow", "0", "--reason", "compared")
    for percent in (10, 50):
        await rollout.ops("set", str(percent), "--reason", f"{percent} of a hundred")
        version = (await rollout.policy()).version
        await rollout.wave()
        await rollout.all_ended()
        assert (await rollout.ops("check"))["verdict"]["kind"] == "pass"
        served = 2 * DOZENS if percent == 10 else 10 * DOZENS
        ended = await rollout.lanes(version)
        assert ended["v2", RunKind.PRIMARY, "complete"] == served
        assert ended[V1, RunKind.PRIMARY, "complete"] == len(rollout.users) - served


async def bad_release(rollout: Rollout, services: Fleet) -> None:
    """A release whose model refuses everything: nobody has to see it for the leader to roll it back."""
    store = rollout.store
    (extractor,) = (name for name, each in [*services.members.items()] if each.service == "extractor")
    await services.stop(extractor)
    services.start("extractor", extractor, tuning=REFUSING)
    newcomers = people(Random(1000 + SEED), (2, 0, 5000))
    await rollout.wave([*rollout.users, *newcomers])

    async def rolled_back() -> bool:
        """the leader rolls back"""
        await rollout.nothing_is_wrong()
        return (await rollout.policy()).frozen

    await until(rolled_back)
    policy = await rollout.policy()
    assert (policy.share, policy.shadow, policy.passthrough) == (0, 0, True)
    (last,) = await store.read_policy_history(limit=1)
    assert last.figures
    await rollout.ops("check", ends=4)
    await rollout.wave()
    await rollout.all_ended()
    assert {lane for lane, *_ in await rollout.lanes(policy.version)} == {V1}
    for user in newcomers:  # v2 gave them nothing
        profile = await store.read_profile(user)
        assert profile is not None
        assert profile.pipeline == V1
    await services.stop(extractor)
    services.start("extractor", extractor)


async def by_itself(rollout: Rollout, _: Fleet) -> None:
    """After the fix: from 10 again, and the leader goes on from step to step."""
    await rollout.ops("thaw", "--reason", "the release is mended")
    await rollout.ops("mode", "auto", "--reason", "the leader may go on")
    await rollout.ops("set", "10", "--reason", "again from the first step")
    first = (await rollout.policy()).version
    while (await rollout.policy()).share < SHARE_WHOLE:
        await rollout.wave()
        await rollout.all_ended()
    steps = [each.policy.share for each in await rollout.store.read_policy_history() if each.version >= first]
    assert steps[::-1] == [1000, 5000, SHARE_WHOLE]


async def end_of_v1(rollout: Rollout, services: Fleet) -> None:
    """Announced, until nobody calls, and gone."""

    async def announced() -> bool:
        """the leader announces the end of v1"""
        await rollout.wave(rollout.users[:ENOUGH])
        await rollout.all_ended()
        return (await rollout.policy()).deprecated_at is not None

    await until(announced)
    await rollout.wave(ways=(OLD,))
    answer = rollout.answer
    assert answer is not None
    assert answer.headers["Deprecation"].startswith("@")
    assert 'rel="successor-version"' in answer.headers["Link"]
    since = datetime.now(UTC) - timedelta(days=1)

    async def counted() -> bool:
        """every caller is counted, but for calls that a gateway had in hand when it was killed"""
        calls = await rollout.store.read_legacy_calls(since)
        return {*rollout.users} <= {each.user_id for each in calls}

    await until(counted)

    async def allowed() -> bool:
        """nobody has called for long enough"""
        await rollout.wave(rollout.users[:ENOUGH], ways=(NEW, EVENT))
        await rollout.all_ended()
        return bool((await rollout.ops("show"))["standing"]["allowed"])

    await until(allowed)
    (gateway,) = (name for name, each in [*services.members.items()] if each.service == "gateway")
    rollout.setting.changes["v1_route"] = "gone"
    await services.stop(gateway)
    services.start("gateway", gateway)
    await services.ready()
    user = rollout.users[0]
    asked = {"user_id": str(user), "storage_path": f"imports/{user}/1-export.json"}
    assert (await rollout.client.post("/process-full", json=asked)).status_code == 410
    await rollout.wave(rollout.users[:ENOUGH], ways=(NEW, EVENT))
    await rollout.all_ended()
