"""kill -9 of the whole service while shadows run: what the app sees in the end is what it sees without them.
`make test` kills it twice, `make chaos` twenty times, over 200 imports."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from random import Random
from uuid import UUID

import asyncpg

from shared.store.routing import SHARE_WHOLE
from shared.store.store import Store
from tests.chaos.fire import say
from tests.exports.generate import generate
from tests.support.app_server import App, app_server
from tests.support.box import Box, sent
from tests.support.command import Soulprint
from tests.support.databases import Emptier
from tests.support.forking import ForkServer
from tests.support.shadows import World, kinds, person, rows_of, settled, shadow_ended
from tests.support.storage_server import Storage, storage_server
from tests.support.waiting import until

LONG = bool(os.environ.get("CHAOS"))
KILLS, PERSONS = (20, 134) if LONG else (2, 3)
"""Every second person has two imports."""
LONGEST_LIFE = 3.0 if LONG else 1.0
SEED = int(os.environ.get("CHAOS_SEED", "1"))
BUCKET, KEY = "imports", "service-key"


async def world(
    box: Box, store: Store, sql: asyncpg.Connection, app: App, *, shadow: int, kills: int
) -> World:
    """Every second person has a memory of v2; then all import into v1, while the process is killed."""
    random = Random(SEED)
    async with box.up(), box.client() as client:

        async def imports(number: int, source: str, rest: float = 0.0) -> None:
            await asyncio.sleep(rest)  # some in each life
            answer = await sent(client, f"{BUCKET}/{person(number)}/{source}", person(number))
            import_id = UUID(answer["import_id"])

            async def has_ended() -> bool:
                """the import ends"""
                return all(run.ended for run in await store.list_runs(import_id))

            await until(has_ended, 120)
            if answer["pipeline"] == "v1" and shadow:
                await shadow_ended(store, import_id)

        await asyncio.gather(*(imports(number, "one.json") for number in range(0, PERSONS, 2)))
        await settled(sql)
        app.emails.clear()
        await store.change_policy({"share": 0, "shadow": shadow}, by="ops", reason="a test")
        importing = [
            asyncio.create_task(imports(number, "two.json", LONGEST_LIFE * kills / PERSONS * number))
            for number in range(PERSONS)
        ]
        for _ in range(kills):
            # What runs meanwhile is what is tested: nothing is waited for.
            await asyncio.sleep(random.uniform(0.1, LONGEST_LIFE))
            box.kill()
            box.start()
        await asyncio.gather(*importing)

        await settled(sql)
        finished = await box.stop()
    assert finished.code == 0, finished.err
    return World(await rows_of(sql), sorted(app.emails))


def stored(storage: Storage, folder: Path) -> None:
    """The exports of all, in storage."""
    storage.make_bucket(BUCKET)
    for seed, name in enumerate(("one.json", "two.json")):
        generate(folder / name, 12, seed=seed)
        for number in range(PERSONS):
            storage.objects[f"{BUCKET}/{person(number)}/{name}"] = (folder / name).read_bytes()


async def test_whoever_is_killed_shadows_are_not_seen(
    database: str,
    store: Store,
    sql: asyncpg.Connection,
    emptied: Emptier,
    tmp_path: Path,
    fork_server: ForkServer,
) -> None:
    async with storage_server(KEY) as storage, app_server() as app:
        stored(storage, tmp_path)
        settings = {
            "supabase_url": storage.url,
            "supabase_service_role_key": KEY,
            "profile_format": "app",
            "app_url": app.url,
            "extract_workers": 0,
            "database_url": database,
        }
        plain = Box.of(Soulprint(tmp_path / "plain"), fork_server, **settings)
        without = await world(plain, store, sql, app, shadow=0, kills=0)
        await emptied.empty()
        killed = Box.of(Soulprint(tmp_path / "killed"), fork_server, **settings)
        beside = await world(killed, store, sql, app, shadow=SHARE_WHOLE, kills=KILLS)
    assert (await kinds(sql))["shadow", "v2", "complete"] == PERSONS
    assert without.rows["conversation_chunks"]
    for name, rows in without.rows.items():
        assert beside.rows[name] == rows, name
    more = Counter(beside.told) - Counter(without.told)
    assert not more, "nobody is told more than without"
    say(f"seed {SEED}: {PERSONS} shadows under {KILLS} kills, nothing of them seen")
