"""A Postgres for the whole session, and an empty, migrated database for each test that asks.

`make test` has several sessions, each a worker with a Postgres and a Kafka of its own. Sharing them would
save 3.5 s of processor time, and cost what keeps tests apart: import.received and the router's group are one
for a whole Kafka, the Postgres takes 50 connections, and a test may kill a broker that only it uses.
"""

from __future__ import annotations

import gc
import itertools
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from shared.postgres.embedded import embedded_postgres
from shared.postgres.embeddings import prepare_embeddings
from shared.postgres.migrate import migrate
from shared.store.store import Store, open_store
from tests.support.databases import Emptier, dsn_of, emptier, run_sql
from tests.support.forking import ForkServer
from tests.support.gateway import Project
from tests.support.guard import guarded_home
from tests.support.transports import Transports, open_transports

LONG_FIRST = (
    "tests/chaos",
    "tests/acceptance",
    "tests/kafka",
    "tests/pipeline",
    "tests/contract",
    "tests/postgres",
    "tests/rest",
)
_numbers = itertools.count(1)
# What `make test` draws is the same each time; with CHAOS=1 it is something new. No example has a deadline: a
# busy machine is no fault.
settings.register_profile("soulprint", derandomize=not os.environ.get("CHAOS"), deadline=None)
settings.load_profile("soulprint")


def pytest_configure() -> None:
    """Let Ctrl-C end us and what we start: a shell that runs tests in the background makes them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: a worker that begins one last keeps the others waiting."""
    rank = {folder: number for number, folder in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: rank.get("/".join(item.nodeid.split("/")[:2]), len(rank)))


def pytest_collection_finish() -> None:
    """Garbage is looked for among what tests make, not among the tests themselves."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_data_home() -> Iterator[None]:
    """What a test does not place goes nowhere near the memory of whoever runs the tests."""
    with (
        tempfile.TemporaryDirectory(prefix="soulprint-test-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_DATA_HOME", folder)
        yield


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[str]:
    """The DSN of the session's server, as superuser."""
    with tempfile.TemporaryDirectory(prefix="soulprint-test-") as home, guarded_home(Path(home)):
        async with embedded_postgres(Path(home)) as dsn:
            await run_sql(dsn, "ALTER SYSTEM SET fsync = off")  # these databases need not outlive a crash
            await run_sql(dsn, "SELECT pg_reload_conf()")
            yield dsn


@pytest.fixture(scope="session")
async def migrated(postgres: str) -> str:
    """The DSN of the one migrated database that tests share, in turn."""
    await run_sql(postgres, "CREATE DATABASE migrated")
    await migrate(dsn_of(postgres, "migrated"))
    return dsn_of(postgres, "migrated")


@pytest.fixture(scope="session")
async def emptied(migrated: str) -> AsyncIterator[Emptier]:
    """What empties it."""
    async with emptier(migrated) as found:
        yield found


@pytest.fixture
async def database(emptied: Emptier) -> str:
    """The DSN of a migrated database without a row, as superuser."""
    await emptied.empty()
    return emptied.dsn


@pytest.fixture(scope="session")
async def transports() -> AsyncIterator[Transports]:
    """The ways to a database: directly, through a pooler, over REST."""
    async with open_transports() as found:
        yield found


@pytest.fixture(scope="session")
async def with_embeddings(postgres: str) -> AsyncIterator[Emptier]:
    """One more migrated database that tests share: with a column for embeddings of 64 numbers."""
    await run_sql(postgres, "CREATE DATABASE with_embeddings")
    dsn = dsn_of(postgres, "with_embeddings")
    await migrate(dsn)
    await prepare_embeddings(dsn, 64)
    async with emptier(dsn) as found:
        yield found


@pytest.fixture
async def embedding_database(with_embeddings: Emptier) -> str:
    """The DSN of that database without a row, as superuser."""
    await with_embeddings.empty()
    return with_embeddings.dsn


@pytest.fixture(scope="session")
async def project(migrated: str, transports: Transports) -> Project:
    """The database that tests share as a Supabase project."""
    return await transports.project(migrated)


@pytest.fixture
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """The DSN of a fresh database without a schema, as superuser."""
    name = f"test_{next(_numbers)}"
    await run_sql(postgres, f"CREATE DATABASE {name}")
    try:
        yield dsn_of(postgres, name)
    finally:
        await run_sql(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """A store over a fresh database."""
    async with open_store(database) as opened:
        yield opened


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the same database as `store`."""
    connection = await asyncpg.connect(database)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """What forks commands and services: importing everything costs more than most of them do."""
    server = ForkServer()
    yield server
    server.close()
