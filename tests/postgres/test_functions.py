"""Each SQL function of the services has a method of Store, and each method sends what its function reads."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from inspect import getmembers, unwrap
from pathlib import Path

import asyncpg
import pytest

from shared.postgres.versions import load_migrations, migrations_folder
from shared.store.call import SqlFunction
from shared.store.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "database.md"
METHODS = {
    name: SqlFunction(unwrap(each)) for name, each in getmembers(Store) if hasattr(each, "__wrapped__")
}

GRANTED = """
SELECT p.proname, p.prosrc FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proargnames[1] = 'argument'
  AND p.proargtypes = ARRAY['jsonb'::regtype]::oidvector
  AND has_function_privilege('service_role', p.oid, 'EXECUTE')
"""


@pytest.fixture(scope="module")
async def bodies(migrated: str) -> AsyncIterator[Mapping[str, str]]:
    """The bodies of the functions that services may call, by name."""
    connection = await asyncpg.connect(migrated)
    try:
        yield dict(await connection.fetch(GRANTED))
    finally:
        await connection.close()


def read_by(body: str) -> set[str]:
    """The names that a function reads of its argument: one by one, or as the columns of a record."""
    names = set(re.findall(r"\bargument ->>? '(\w+)'", body))
    for columns in re.findall(r"jsonb_to_record\(argument\) AS \w+\(([^)]*)\)", body):
        names.update(column.split()[0] for column in columns.split(","))
    return names


async def test_every_function_has_a_method_and_every_method_a_function(bodies: Mapping[str, str]) -> None:
    assert set(METHODS) == set(bodies)


@pytest.mark.parametrize("name", METHODS)
async def test_a_method_sends_what_its_function_reads(bodies: Mapping[str, str], name: str) -> None:
    method, read = METHODS[name], read_by(bodies[name])
    assert method.sends <= read, "sent and not read"
    assert read <= method.sends | method.spreads, "read and not sent"


def test_the_page_on_the_database_names_each_function_beside_its_file() -> None:
    written: dict[str, set[str]] = {}
    for file, functions in re.findall(
        r"^\| (?:`(\w+)` )?\| ((?:`\w+`(?:, )?)+) \|", PAGE.read_text(), re.MULTILINE
    ):
        names = written.setdefault(file or next(reversed(written)), set())
        names.update(re.findall(r"\w+", functions))
    made = {
        each.version.partition("_")[2]: set(re.findall(r"FUNCTION public\.(\w+)\(argument jsonb\)", each.sql))
        for each in load_migrations(migrations_folder())
    }
    assert written == {file: names for file, names in made.items() if names}
