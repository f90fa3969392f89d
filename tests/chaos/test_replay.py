"""kill -9 of `replay run`, of whoever drives the replay, and of every service, at random moments of it: no
import is done twice, none is left out, and each ends whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from uuid import UUID

import asyncpg

from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey
from shared.store.replaying import ReplayProgress
from shared.store.store import Store, open_store
from tests.chaos.fire import END_SECONDS, say
from tests.exports.generate import generate
from tests.support.fleet import Fleet, fleet
from tests.support.forking import ForkedCommand, ForkedSoulprint, ForkServer
from tests.support.kafka import Broker
from tests.support.ops import CommandOf, command_of
from tests.support.services import Setting
from tests.support.telling import telling
from tests.support.waiting import until

__all__ = ["command_of"]
KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
IMPORTS, CONVERSATIONS = max(20, 2 * KILLS), 40
"""Enough that every kill meets work."""
LONGEST_REST = 1.5
LONG_SECONDS = max(END_SECONDS, 6.0 * IMPORTS)
SEED = int(os.environ.get("CHAOS_SEED", "1"))
SERVICES = ("chunker", "extractor", "writer")
DRIVERS = ("consolidator-0", "consolidator-1")
COMMAND = "replay"
VICTIMS = (*SERVICES, *DRIVERS, COMMAND)
SETTINGS = {
    "chunk_tokens": 1000,
    "extract_workers": 0,
    "lease_seconds": 3,
    "stall_seconds": 5,
    "sweep_seconds": 0.5,
}
TUNING = {"TUNED_MODEL_SECONDS": "0.02", "TUNED_SESSION_MS": "2000"}


@asynccontextmanager
async def at_work(setting: Setting, folder: Path, fork_server: ForkServer) -> AsyncIterator[Fleet]:
    """Everything but the router, which no replay passes; of consolidators two, so that one may lead."""
    with fleet(setting, folder, TUNING, fork_server) as services:
        for service in SERVICES:
            services.start(service)
        for name in DRIVERS:
            services.start("consolidator", name)
        await services.ready()
        async with telling(services):
            yield services


async def imported(setting: Setting, store: Store, export: Path) -> list[ImportReceived]:
    events = [setting.event_of(export) for _ in range(IMPORTS)]
    await setting.publish(setting.topic("import.received"), *events)

    async def all_complete() -> bool:
        runs = await store.list_runs(limit=10 * IMPORTS)
        return len(runs) == IMPORTS and all(run.state == "complete" for run in runs)

    await until(all_complete, LONG_SECONDS)
    return events


async def progress_of(store: Store, replay_id: UUID) -> ReplayProgress:
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    return progress


def kill(command: ForkedCommand) -> None:
    """kill -9, unless it has ended."""
    if command.poll() is None:
        command.send_signal(signal.SIGKILL)
    command.communicate(10)


async def run_until_it_is_begun(command: ForkedSoulprint, store: Store, plan: str, random: Random) -> int:
    """`replay run`, killed and called again until the database has it; answers how often it was killed."""
    kills = 0
    while (await progress_of(store, UUID(plan))).state == "planned":
        running = command.start("replay", "run", plan, "--reason", "a test")
        await asyncio.sleep(random.uniform(0.0, 0.5))
        kill(running)
        kills += running.returncode == -signal.SIGKILL
    return kills


async def test_kills_leave_no_import_out_and_do_none_twice(
    kafka: Broker,
    database: str,
    sql: asyncpg.Connection,
    fork_server: ForkServer,
    command_of: CommandOf,
    tmp_path: Path,
) -> None:
    random = Random(SEED)
    setting = Setting(kafka.bootstrap, database, tmp_path, changes=dict(SETTINGS))
    await setting.make_topics()
    export = tmp_path / "export.zip"
    generate(export, conversations=CONVERSATIONS, seed=SEED)
    async with open_store(database) as store, at_work(setting, tmp_path, fork_server) as services:
        events = await imported(setting, store, export)
        await sql.execute("DELETE FROM extraction_cache")  # the model is asked again, and takes its time
        command = command_of(setting)
        made = await asyncio.to_thread(command, "replay", "plan", "--stage", "chunks", "--json")
        plan = made.json()["plan"]
        replay_id = UUID(plan)
        begun_after = await run_until_it_is_begun(command, store, plan, random)
        say(f"begun once `replay run` was killed {begun_after} times")
        follower = command.start("replay", "status", plan, "--follow")
        victims: list[str] = []
        for number in range(KILLS):
            await asyncio.sleep(random.uniform(0.1, LONGEST_REST))
            progress = await progress_of(store, replay_id)
            assert not progress.ended, f"it ended before kill {number + 1}"
            victims = victims or random.sample(VICTIMS, len(VICTIMS))
            if (victim := victims.pop()) == COMMAND:
                assert follower.poll() is None, follower.err
                kill(follower)
                follower = command.start("replay", "status", plan, "--follow")
            else:
                await asyncio.to_thread(services.restart, victim)
            say(f"kill {number + 1}: {victim}, {dict(progress.items)}")

        async def is_over() -> bool:
            return (await progress_of(store, replay_id)).ended

        await until(is_over, LONG_SECONDS)
        progress = await progress_of(store, replay_id)
        _, err = await asyncio.to_thread(follower.communicate, END_SECONDS)
        assert follower.code == 0, err
    assert (progress.state, progress.items) == ("done", {"done": IMPORTS})
    begun = await sql.fetch(
        "SELECT i.import_id, i.run, i.state, i.chunks_ok = i.chunks_total AS whole, x.run AS noted"
        " FROM imports i JOIN replay_items x ON x.replay_id = i.replay_id AND x.import_id = i.import_id"
    )
    assert {row["import_id"] for row in begun} == {event.import_id for event in events}, "none left out"
    assert len(begun) == IMPORTS, "none twice"
    assert {(row["state"], row["whole"], row["run"], row["noted"]) for row in begun} == {
        ("complete", True, 2, 2)
    }
    assert await sql.fetchval("SELECT count(*) FROM imports") == 2 * IMPORTS, "and no other run"
    served = await sql.fetch("SELECT import_id, run FROM served_memories")
    assert {RunKey(*row) for row in served} == {RunKey(event.import_id, 2) for event in events}
