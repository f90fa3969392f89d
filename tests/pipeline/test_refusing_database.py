"""A database that refuses for a while, or one import's rows for good: nothing good dies, nobody waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from shared.host.host import Host
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY
from shared.resilience.backoff import Backoff
from shared.resilience.lane import FAULTS
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

TIMED_OUT = "57014"
TOPICS = (IMPORT_RECEIVED, CHUNKS_READY, FACTS_EXTRACTED, MEMORY_READY)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be tried again after up to a minute is after a tenth of that."""
    for module in ("shared.log.policy", "shared.resilience.retry"):
        monkeypatch.setattr(f"{module}.Backoff", lambda base, cap: Backoff(base / 10, cap / 10))


@asynccontextmanager
async def read_only(sql: asyncpg.Connection) -> AsyncIterator[None]:
    """The whole server takes no writes, as Supabase's on a full disk."""
    await sql.execute("SET default_transaction_read_only = off")
    try:
        await sql.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await sql.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await sql.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await sql.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def refusing(sql: asyncpg.Connection, import_id: object, sqlstate: str) -> AsyncIterator[None]:
    """The database never takes the results of one import's chunks."""
    await sql.execute(f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.import_id = '{import_id}' THEN
                RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON chunk_results FOR EACH ROW EXECUTE FUNCTION refuse();
        """)
    try:
        yield
    finally:
        await sql.execute("DROP FUNCTION public.refuse CASCADE")


def paused(host: Host, service: str) -> bool:
    """Whether faults hold a service's lane."""
    (running,) = (each for each in host.running if each.name == service)
    state = running.state()
    return state is not None and FAULTS in state[0].holds


async def test_a_read_only_database_kills_nothing(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    setting.changes["import_window"] = 8
    async with hosted(setting) as host:
        first = await setting.import_of(exports / "large.zip")
        await until(lambda: setting.published(FACTS_EXTRACTED, 4))
        async with read_only(sql):
            second = await setting.import_of(exports / "small.zip")
            await until(lambda: paused(host, "chunker") and paused(host, "consolidator"))
        for event in (first, second):
            run = await ended(store, event)
            assert (run.state, run.chunks_dead) == ("complete", 0)
    assert [setting.reasons(name) for name in TOPICS] == [[]] * len(TOPICS)


async def test_an_import_whose_rows_are_always_refused_ends_and_holds_no_other_up(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    async with hosted(setting, ("chunker",)):
        bad = await setting.import_of(exports / "large.zip")
        good = await setting.import_of(exports / "small.zip")
        await until(lambda: setting.published(CHUNKS_READY, 4))
        async with (
            refusing(sql, bad.import_id, TIMED_OUT),
            hosted(setting, ("extractor", "consolidator", "writer")) as host,
        ):
            run = await ended(store, good)
            assert (run.state, run.chunks_dead) == ("complete", 0)
            run = await ended(store, bad)
            assert run.state == "failed"
            assert run.error is not None
            assert TIMED_OUT in run.error["message"]
            await until(lambda: not paused(host, "consolidator"))
