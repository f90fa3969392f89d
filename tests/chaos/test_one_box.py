"""`soulprint up` without Kafka, killed at random moments of many imports: what it accepted ends whole, and
once. `make test` kills it twice, `make chaos` twenty times, and then with the embedded server, too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest

from shared.domain.ids import quick_id
from shared.domain.runs import RunKind
from shared.postgres.embedded import embedded_postgres
from shared.store.runs import RunRow
from shared.store.store import Store, open_store
from tests.chaos.fire import planted_once, say
from tests.exports.generate import generate
from tests.exports.truth import Truth
from tests.support.box import Box, sent
from tests.support.command import Soulprint, fresh_home
from tests.support.forking import ForkServer
from tests.support.storage_server import Storage, storage_server
from tests.support.waiting import until

LONG = bool(os.environ.get("CHAOS"))
KILLS, IMPORTS, CONVERSATIONS = (20, 10, 400) if LONG else (2, 3, 40)
LONGEST_LIFE = 4.0 if LONG else 1.0
SEED = int(os.environ.get("CHAOS_SEED", "1"))
BUCKET, KEY = "imports", "service-key"


@asynccontextmanager
async def on_given(
    database: str, storage: Storage, home: Path, fork_server: ForkServer
) -> AsyncIterator[tuple[Box, str]]:
    yield Box.of(Soulprint(home), fork_server, **settings(storage), database_url=database), database


@asynccontextmanager
async def on_embedded(storage: Storage, fork_server: ForkServer) -> AsyncIterator[tuple[Box, str]]:
    with fresh_home() as home:
        async with embedded_postgres(home.home) as dsn:
            yield Box.of(home, fork_server, **settings(storage), store="embedded"), dsn


def settings(storage: Storage) -> dict[str, object]:
    return {
        "supabase_url": storage.url,
        "supabase_service_role_key": KEY,
        "profile_format": "app",  # with first sections, too
        "chunk_tokens": 1000,
        "extract_workers": 0,
    }


@pytest.mark.parametrize("database_is", ["given", *(["embedded"] if LONG else [])])
async def test_what_was_accepted_ends_whole_and_once_however_often_the_process_is_killed(
    database_is: str, database: str, tmp_path: Path, fork_server: ForkServer
) -> None:
    random = Random(SEED)
    async with storage_server(KEY) as storage:
        storage.make_bucket(BUCKET)
        people = {uuid4(): stored(storage, tmp_path, number) for number in range(IMPORTS)}
        opened = (
            on_given(database, storage, tmp_path / "home", fork_server)
            if database_is == "given"
            else on_embedded(storage, fork_server)
        )
        async with opened as (box, dsn), box.up(), box.client() as client:

            async def accepted(number: int, user: UUID, source: str) -> UUID:
                await asyncio.sleep(LONGEST_LIFE * KILLS / IMPORTS * number)  # some in each life
                return UUID((await sent(client, source, user))["import_id"])

            asking = [
                asyncio.create_task(accepted(number, user, source))
                for number, (user, (source, _)) in enumerate(people.items())
            ]
            for _ in range(KILLS):
                # What runs meanwhile is what is tested: nothing is waited for.
                await asyncio.sleep(random.uniform(0.1, LONGEST_LIFE))
                box.kill()
                box.start()
            ids = await asyncio.gather(*asking)
            async with open_store(dsn) as store:
                for user, import_id in zip(people, ids, strict=True):
                    await ended_once(store, import_id)
                    await planted_once(dsn, import_id, people[user][1])
                    assert (await store.read_profile(user)) is not None
            finished = await box.stop()
        assert finished.code == 0, finished.err
        say(f"seed {SEED}, database {database_is}: {IMPORTS} imports ended once, after {KILLS} kills")


def stored(storage: Storage, folder: Path, number: int) -> tuple[str, Truth]:
    """An export in storage: where, and its truth."""
    export = folder / f"{number}.json"
    truth = generate(export, CONVERSATIONS, seed=SEED * 1000 + number)
    source = f"{BUCKET}/{number}-export.json"
    storage.objects[source] = export.read_bytes()
    export.unlink()
    return source, truth


async def ended_once(store: Store, import_id: UUID) -> None:
    """An import and its first sections, each by one run."""
    found: list[RunRow] = []

    async def ended() -> bool:
        """the import and its quick run end"""
        found[:] = [*await store.list_runs(import_id), *await store.list_runs(quick_id(import_id))]
        return all(run.ended for run in found)

    await until(ended, 120)
    first, quick = found
    assert (first.kind, first.run, first.state, first.coverage) == (RunKind.PRIMARY, 1, "complete", 1.0), (
        first
    )
    assert (quick.kind, quick.run, quick.state) == (RunKind.QUICK, 1, "complete"), quick
