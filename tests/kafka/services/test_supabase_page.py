"""docs/supabase.md, as it stands there: on a fresh project over REST, and beside the app with a login of its
own; and in the end the project is what it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.postgres.embedded import embedded_postgres
from tests.support.app_schema import fill, sign_up
from tests.support.app_server import App, app_server
from tests.support.fake_embeddings import MODEL, fake_embeddings
from tests.support.forking import ForkServer
from tests.support.fresh_project import FreshProject, fresh_project
from tests.support.gateway import supabase_project
from tests.support.guard import guarded_home
from tests.support.kafka import Broker
from tests.support.page import Block, Shell, blocks_of, shell
from tests.support.storage_server import Storage, storage_server
from tests.support.waiting import until

PAGE = Path(__file__).parents[3] / "docs" / "supabase.md"
BLOCKS = blocks_of(PAGE)
WAYS = {
    "alone": {"", "services", "alone", "rest", "undo", "undo_alone"},
    "app": {"", "services", "app", "undo", "undo_app"},
}
"""The blocks of each way to go, by their notes: without the app over REST, and with it by a login."""

CATALOGUE = """
SELECT 'column', c.oid::regclass || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
UNION ALL
SELECT 'rights', oid::regclass::text, concat_ws(' ', relacl, relrowsecurity) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S')
UNION ALL
SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'function', oid::regprocedure::text, concat_ws(' ', proacl, md5(prosrc)) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'policy', polrelid::regclass || '.' || polname, pg_get_expr(polqual, polrelid) FROM pg_policy
UNION ALL
SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger
WHERE NOT tgisinternal
UNION ALL
SELECT 'schema', nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
UNION ALL
SELECT 'role', rolname, concat_ws(' ', rolsuper, rolcanlogin) FROM pg_roles WHERE rolname !~ '^pg_'
"""
"""All that a project holds beside rows."""


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[str]:
    """A Postgres of its own: roles are made and dropped, and they are the server's."""
    with tempfile.TemporaryDirectory(prefix="soulprint-page-") as home, guarded_home(Path(home)):
        async with embedded_postgres(Path(home)) as dsn:
            yield dsn


class Project:
    """One project, a person in it, and a shell in which the page's variables are set."""

    def __init__(self, place: FreshProject, sql: asyncpg.Connection, storage: Storage, app: App, run: Shell):
        self.place, self.sql, self.storage, self.app, self.run = place, sql, storage, app, run

    async def catalogue(self) -> set[tuple[str, ...]]:
        return {tuple(row) for row in await self.sql.fetch(CATALOGUE)}

    async def all_embedded(self) -> bool:
        """Each passage has an embedding"""
        lacking = "SELECT count(*) FROM conversation_chunks WHERE embedding IS NULL"
        return await self.sql.fetchval(lacking) == 0

    async def follow(self, block: Block) -> str:
        """Do what a block says; what it prints."""
        if block.language == "sql":
            owner = await asyncpg.connect(self.place.owner)
            try:
                await owner.execute(block.code)
            finally:
                await owner.close()
            await self._bucket_as_told()
            return ""
        return await self.run(block.code)

    async def _bucket_as_told(self) -> None:
        """What stands in for storage reads no database."""
        for row in await self.sql.fetch("SELECT * FROM storage.buckets"):
            self.storage.make_bucket(
                row["id"], public=row["public"], limit=row["file_size_limit"], types=row["allowed_mime_types"]
            )


@asynccontextmanager
async def project_of(
    server: str, kafka: Broker, fork_server: ForkServer, exports: Path, home: Path, *, with_app: bool
) -> AsyncIterator[Project]:
    user = uuid4()
    async with (
        fresh_project(server, with_app=with_app) as place,
        storage_server("unknown yet") as storage,
        app_server() as app,
        fake_embeddings(dimensions=768) as embeddings,
        supabase_project(place.superuser, storage=storage.url) as project,
    ):
        storage.key = project.service_key
        export = exports / "small.zip"
        storage.objects[f"imports/{user}/1700000000000-export.zip"] = export.read_bytes()
        given = {
            "OWNER_URL": place.owner,
            "SERVICE_URL": place.login("soulprint"),
            "SUPABASE_URL": project.url,
            "SUPABASE_SERVICE_ROLE_KEY": project.service_key,
            "PUBLISHABLE_KEY": project.anon_key,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "USER_ID": str(user),
            "USER_TOKEN": project.headers(user)["Authorization"].removeprefix("Bearer "),
            "EXPORT": str(export),
            "SOULPRINT_HOME": str(home),
            "SOULPRINT_KAFKA_PREFIX": f"page{user.int % 10**6}.",
            "SOULPRINT_METRICS_PORT": "0",
            "SOULPRINT_EXTRACT_WORKERS": "0",
            "HOME": os.environ["HOME"],
        }
        if with_app:
            given |= {"APP_URL": app.url, "EMBEDDINGS_URL": embeddings.url, "EMBEDDINGS_MODEL": MODEL}
        sql = await asyncpg.connect(place.superuser)
        try:
            if with_app:
                await fill(sql)
            await sign_up(sql, user)
            async with shell(fork_server, given) as run:
                yield Project(place, sql, storage, app, run)
        finally:
            await sql.close()


def told_whole(project: Project) -> int:
    """How often the app was told that a memory is made."""
    return sum(not call["memory_building"] for call in project.app.calls)


@contextmanager
def serving(block: Block, run: Shell, server: ForkServer, log: Path) -> Iterator[None]:
    """The services, as the block starts them."""
    name, *arguments = block.code.split()
    assert name == "soulprint"
    with log.open("wb") as out:
        process = server.service("soulprint", arguments, run.environment, out)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(60) == 0, log.read_text("utf-8")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            raise


def test_each_command_of_the_page_is_on_one_of_the_ways() -> None:
    assert {block.note for block in BLOCKS} == set().union(*WAYS.values())
    assert PAGE.read_text("utf-8").count("\n```") == 2 * len(BLOCKS)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
async def test_the_page_leads_from_a_project_to_the_first_import_and_back(
    server: str, kafka: Broker, fork_server: ForkServer, exports: Path, tmp_path: Path, way: str
) -> None:
    with_app = way == "app"
    blocks = [block for block in BLOCKS if block.note in WAYS[way]]
    at = next(n for n, block in enumerate(blocks) if block.note == "services")
    undo = [block for block in blocks if block.note.startswith("undo")]
    async with project_of(server, kafka, fork_server, exports, tmp_path, with_app=with_app) as project:
        found = await project.catalogue()
        rows = await rows_of_the_app(project)
        prepared = [await project.follow(block) for block in blocks[:at]]
        assert "would be run; nothing was changed" in prepared[0]
        assert "applied: 0001_roles" in prepared[0]
        assert "imports, private" in prepared[-1]
        assert "the login soulprint may call functions and nothing else" in prepared[-1] or not with_app
        assert f"{project.app.url}, told of what is served" in prepared[-1] or not with_app
        with serving(blocks[at], project.run, fork_server, tmp_path / "log"):
            printed = [await project.follow(b) for b in blocks[at + 1 :] if b not in undo]
            if with_app:
                await until(lambda: told_whole(project) == 2)
                await until(project.all_embedded)
        assert "# Memory" in printed[0] or "# MEMORY" in printed[0], printed[0]
        (profile,), passages = (json.loads(text) for text in printed if text.startswith("["))
        assert (profile["full_pass_status"], profile["progress_percent"]) == ("complete", 100)
        assert profile["import_status"] == ("complete" if with_app else "none")
        times = [passage["created_at"] for passage in passages]
        assert len(times) > 1
        assert times == sorted(times, reverse=True)
        user = project.run.environment["USER_ID"]
        assert told_whole(project) == 2 * with_app, "once for each import, and before that of first sections"
        assert {*project.app.emails} == ({user} if with_app else set())
        for block in undo:
            await project.follow(block)
        assert await project.catalogue() == found
        assert await rows_of_the_app(project) == rows


async def rows_of_the_app(project: Project) -> list[Any]:
    """What the app's persons have, but for the one who has an import; nothing without the app."""
    found: list[Any] = []
    for table in ("user_profiles", "conversation_chunks"):
        if await project.sql.fetchval("SELECT to_regclass($1)", table) is None:
            continue
        query = f"SELECT (to_jsonb(t) - 'embedding')::text FROM {table} t WHERE user_id <> $1 ORDER BY id"
        found += await project.sql.fetch(query, project.run.environment["USER_ID"])
    return found
