"""kill -9 of who gives sections where everything else fails: everybody ends with some, each import with one
fallback; and a predecessor is called once, with few imports at a time, whoever dies.

`make test` runs a short form; `make chaos [KILLS=100] [SEED=1]` the long one.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from shared.domain.events import ImportReceived
from shared.domain.runs import RunKind
from shared.pipelines import IMPORT_RECEIVED, V1, services_of, topic
from shared.store.store import Store
from tests.chaos.fire import END_SECONDS, say
from tests.exports.generate import generate
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkServer
from tests.support.kafka import Broker
from tests.support.predecessor import predecessor, writing_profiles
from tests.support.services import Setting
from tests.support.waiting import until

KILLS = min(20, int(os.environ.get("CHAOS_KILLS", "3")))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
IMPORTS = 3
"""For the predecessor, a kill: it has its hands full."""
AT_ONCE = 2
LONGEST_REST = 0.8
"""Seconds from where all consume to the next kill, at most."""
WORK_SECONDS = 0.3
"""For which a predecessor is at work on an import."""
TUNING = {"TUNED_SESSION_MS": "2000", "TUNED_RELAY_SECONDS": "0.2", "TUNED_WATCH_SECONDS": "0.2"}
UNDER_WAY = "SELECT count(*) FILTER (WHERE state NOT IN ('complete', 'failed')) > 0 FROM imports"
LATE = (
    "UPDATE v1_calls SET posted_at = posted_at - interval '3 hours' WHERE state = 'posted' AND import_id = $1"
)


def hasty(setting: Setting, **changes: Any) -> Setting:
    """A pipeline that soon sees what stands still."""
    setting.changes = {
        "extract_workers": 0,
        "lease_seconds": 3,
        "stall_seconds": 5,
        "sweep_seconds": 0.5,
        **changes,
    }
    return setting


async def killed(
    services: Fleet, victims: Sequence[str], sql: asyncpg.Connection, begin: Callable[[int], Awaitable[None]]
) -> int:
    """Begin some work, and kill them in turn, at a random moment, again and again; how many kills met work
    under way. What runs meanwhile is what is tested: nothing is waited for."""
    random, met = Random(SEED), 0
    for number in range(KILLS):
        await services.ready()  # a kill of what has not begun says little
        await begin(number)
        await asyncio.sleep(random.uniform(0.0, LONGEST_REST))
        met += await sql.fetchval(UNDER_WAY)
        await asyncio.to_thread(services.restart, victims[number % len(victims)])
    return met


async def all_ended(store: Store, events: Sequence[ImportReceived], runs: int) -> None:
    """Return when each import has so many runs, and all of them have ended."""

    async def ended() -> bool:
        """every run ends"""
        for event in events:
            found = await store.list_runs(event.import_id)
            if len(found) < runs or not all(run.ended for run in found):
                return False
        return True

    await until(ended, END_SECONDS)


async def test_where_v2_fails_always_everybody_has_sections_and_each_import_one_fallback(
    kafka: Broker,
    database: str,
    store: Store,
    sql: asyncpg.Connection,
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    async with fake_claude() as fake:
        fake.faults.chances = {"refusal": 1.0}
        setting = hasty(
            Setting(kafka.bootstrap, database, tmp_path),
            model="claude",
            anthropic_api_key="test-key",
            anthropic_base_url=fake.url,
        )
        await setting.make_topics()
        with fleet(setting, tmp_path, TUNING, fork_server) as services:
            for service in ("quickpass", *services_of("v2")):
                services.start(service)
            await services.ready()
            events = []

            async def begin(number: int) -> None:
                export = tmp_path / f"{number}.json"
                generate(export, 40, seed=SEED * 100 + number)
                events.append(await setting.import_of(export))

            met = await killed(services, ("quickpass", "consolidator"), sql, begin)
            await all_ended(store, events, 2)
            await services.ready()
            codes = await services.stop()
        assert set(codes.values()) == {0}, codes
    for event in events:
        kinds = Counter((run.kind, run.state) for run in await store.list_runs(event.import_id))
        assert kinds == {(RunKind.PRIMARY, "failed"): 1, (RunKind.FALLBACK, "complete"): 1}
        profile = await store.read_profile(event.user_id)
        assert profile is not None
        assert (profile.full_pass_status, profile.pipeline) == ("failed", V1)
        assert profile.full_pass_error
        assert profile.soul_md
    assert await sql.fetchval("SELECT count(*) FROM imports") == 2 * KILLS
    say(f"seed {SEED}: {KILLS} imports failed in v2, {met} kills met work, sections for everybody")


async def test_a_predecessor_is_called_once_an_import_and_has_two_at_a_time(
    kafka: Broker,
    database: str,
    store: Store,
    sql: asyncpg.Connection,
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    at_work: set[UUID] = set()
    most = 0
    async with predecessor() as old:
        ends = writing_profiles(database)

        async def on_import(body: Any) -> None:
            nonlocal most
            at_work.add(UUID(body.user_id))
            most = max(most, len(at_work))
            await asyncio.sleep(WORK_SECONDS)
            at_work.discard(UUID(body.user_id))
            await ends(body)

        old.state.on_import = on_import
        setting = hasty(
            Setting(kafka.bootstrap, database, tmp_path),
            v1_backend="http",
            v1_backend_url=old.url,
            v1_concurrency=AT_ONCE,
            profile_format="app",
        )
        await setting.make_topics()
        with fleet(setting, tmp_path, TUNING, fork_server) as services:
            services.start("quickpass")
            await services.ready()
            events: list[ImportReceived] = []

            async def begin(number: int) -> None:
                more = [setting.event_of(f"imports/{number}-{each}.json") for each in range(IMPORTS)]
                await setting.publish(setting.prefix + topic(IMPORT_RECEIVED, V1), *more)
                events.extend(more)

            met = await killed(services, ("quickpass",), sql, begin)
            await until(lambda: _called_or_lost(sql, len(events)), END_SECONDS)
            await all_ended(store, events, 1)
            await services.ready()
            codes = await services.stop()
        assert set(codes.values()) == {0}, codes
        calls = Counter(body.user_id for body in old.state.taken)  # type: ignore[attr-defined]
    assert most <= AT_ONCE
    assert set(calls.values()) == {1}, "nobody is called for twice"
    lost = 0
    for event in events:
        (run,) = await store.list_runs(event.import_id)
        if run.state == "complete":
            assert calls[str(event.user_id)] == 1
        else:  # killed between the mark and the call
            lost += 1
            assert (run.state, calls[str(event.user_id)]) == ("failed", 0)
    assert lost <= KILLS
    say(
        f"seed {SEED}: {len(events)} imports, {met} kills met work, "
        f"at most {most} at a time, {lost} never sent"
    )


async def _called_or_lost(sql: asyncpg.Connection, events: int) -> bool:
    """every call has ended, but for those whose process died before it was made"""
    if await sql.fetchval("SELECT count(*) FROM v1_calls") < events:
        return False
    # Older than a predecessor takes and nothing of it in the profile: 2 h of a product are moments here.
    old = await sql.fetch(
        "SELECT import_id FROM v1_calls WHERE state = 'posted' AND posted_at < now() - interval '5 s'"
    )
    for row in old:
        await sql.execute(LATE, row["import_id"])
    return bool(await sql.fetchval("SELECT bool_and(state NOT IN ('due', 'posted')) FROM v1_calls"))
