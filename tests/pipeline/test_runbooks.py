"""docs/cutover.md and docs/rollback.md, followed as they stand: each command prints what is shown."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.extractor.app import extractor
from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import services_of
from shared.store.routing import SHARE_WHOLE
from shared.store.store import Store
from tests.support.face import KEY, OPENED, called
from tests.support.forking import ForkServer
from tests.support.local import LocalSetting
from tests.support.page import Shell, shell
from tests.support.predecessor import predecessor
from tests.support.rollout import NEW, Rollout, people, small_export
from tests.support.runbook import follow, nothing, stand_ins
from tests.support.services import hosted
from tests.support.storage_server import storage_server
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MANY = 20
"""People of a step: enough to be judged."""
SERVICES = ("gateway", "router", "quickpass", *services_of("v2"))
LATER = """
SET session_replication_role = replica;
UPDATE routing_policy SET entered_at = entered_at - $, changed_at = changed_at - $,
    deprecated_at = deprecated_at - $, sunset_at = sunset_at - $;
UPDATE routing_history SET changed_at = changed_at - $, policy = policy
    || (SELECT jsonb_object_agg(key, (value #>> '{}')::timestamptz - $) FROM jsonb_each(policy)
        WHERE key IN ('entered_at', 'changed_at', 'deprecated_at', 'sunset_at'));
UPDATE routing_decisions SET decided_at = decided_at - $;
UPDATE imports SET begun_at = begun_at - $, finished_at = finished_at - $;
UPDATE legacy_calls SET first_at = first_at - $, last_at = last_at - $;
SET session_replication_role = DEFAULT
"""
"""So long has passed since all that was."""
IDENTITY = {f"GIT_{who}_{what}": "ops" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
TOOK = """
SET session_replication_role = replica;
UPDATE imports SET begun_at = finished_at - make_interval(
    secs => (CASE pipeline WHEN 'v1' THEN 8 ELSE 200 END) * (1 + mod(37 * ordinal, 100) * 0.01))
WHERE finished_at > now() - interval '10 minutes';
SET session_replication_role = DEFAULT
"""
"""What took moments here took minutes: how busy this machine is must not be judged."""
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


class Moody(OfflineModel):
    """The offline model, on its good days."""

    bad = False

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def extract(self, chunk: ChunkReady) -> Extraction:
        await self.answers.wait()
        if self.bad:
            raise ModelError("it was refused")
        return await super().extract(chunk)


@dataclass
class Scene:
    """Services in this process, and a shell of ops."""

    rollout: Rollout
    run: Shell
    model: Moody
    folder: Path
    opened: AsyncExitStack
    """What is hosted besides."""

    async def imports(self, users: Sequence[UUID], passed: str = "0") -> None:
        """These import, all of that ends, and so much time passes."""
        await self.rollout.wave(users, (NEW,))
        await self.rollout.all_ended()
        await self.rollout.sql.execute(TOOK)
        await self.later(passed)

    async def later(self, interval: str) -> None:
        """So much time passes."""
        await self.rollout.sql.execute(LATER.replace("$", f"interval '{interval}'"))

    async def follow(self, page: str, before: Mapping[str, Callable[[], Awaitable[None]]]) -> dict[str, str]:
        """See tests.support.runbook."""
        return await follow(DOCS / page, self.run, self.folder, before)


@asynccontextmanager
async def scene(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    fork_server: ForkServer,
    folder: Path,
    **changes: Any,
) -> AsyncIterator[Scene]:
    """Services that consume, and ops who have what they need in their environment."""
    model = Moody()

    @asynccontextmanager
    async def opener(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, model)

    async with storage_server("service-key") as storage:
        storage.make_bucket("imports")
        setting.changes |= OPENED | {
            "supabase_url": storage.url,
            "supabase_service_role_key": storage.key,
            "imports_per_hour": 1000,
            "imports_unfinished": 1000,
            **changes,
        }
        async with hosted(setting, SERVICES, extractor=opener) as host, called(host.public_port) as client:
            given = setting.environment() | {
                "GATEWAY": f"http://127.0.0.1:{host.public_port}",
                "METRICS": f"http://127.0.0.1:{host.port}",
                "KEY": KEY,
                "HOME": os.environ["HOME"],
                "NO_PROXY": "127.0.0.1",
                "COLUMNS": "100",
                "LOGNAME": "nora",
                **IDENTITY,
            }
            async with shell(fork_server, given) as run, AsyncExitStack() as opened:
                rollout = Rollout(setting, fork_server, store, sql, storage, client, ())
                yield Scene(rollout, run, model, folder, opened)


@pytest.mark.slow
async def test_the_page_of_the_cutover_is_as_it_stands(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, fork_server: ForkServer, tmp_path: Path
) -> None:
    random = Random(1)
    first = people(random, (MANY, 0, 1000), shadow_below=1000)
    second, last = people(random, (MANY, 1000, 5000)), people(random, (6, 5000, SHARE_WHOLE))
    async with scene(
        setting, store, sql, fork_server, tmp_path, canary_check_seconds=3600, profile_format="app"
    ) as found:
        user = found.run.environment["USER_ID"] = str(first[0])
        found.rollout.storage.objects[f"imports/{user}/1-export.json"] = small_export(0)

        async def announced() -> None:
            # The page's own import is answered before it has ended.
            await found.rollout.all_ended()
            await found.later("14 days")

        async def gone() -> None:
            setting.changes["v1_route"] = "gone"
            host = await found.opened.enter_async_context(hosted(setting, ["gateway"]))
            found.run.environment["GATEWAY"] = f"http://127.0.0.1:{host.public_port}"

        await found.follow(
            "cutover.md",
            {
                "shadowed": lambda: found.imports([*first, *last], "24 hours"),
                "ten": lambda: found.imports([*first, *last], "24 hours"),
                "fifty": lambda: found.imports([*second, *last], "48 hours"),
                "hundred": lambda: found.imports(first, "7 days"),
                "announced": announced,
                "gone": gone,
            },
        )


@pytest.mark.slow
async def test_the_page_of_the_rollback_is_as_it_stands(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, fork_server: ForkServer, tmp_path: Path
) -> None:
    random = Random(2)
    users, failing, waiting = (people(random, (count, 0, 5000)) for count in (6, 2, 2))
    repository, told = _repository(tmp_path), tmp_path / "told"
    async with (
        predecessor() as old,
        scene(setting, store, sql, fork_server, repository, canary_check_seconds=0.2) as found,
    ):
        rollout, model = found.rollout, found.model
        await store.change_policy({"share": 5000}, by="ops", reason="10 % for 24 h: pass")
        await found.imports(users, "10 hours")
        bin_folder = stand_ins(tmp_path, told, ("docker", "render"))
        found.run.environment |= {
            "PATH": f"{bin_folder}:{found.run.environment['PATH']}",
            "PREDECESSOR": old.url,
            "RENDER_SERVICE": "srv-extractor",
        }

        async def bad() -> None:
            model.bad = True
            await found.imports(failing)
            failed = await sql.fetchval("SELECT import_id FROM imports WHERE state = 'failed'")
            found.run.environment["IMPORT_ID"] = str(failed)
            model.answers.clear()
            await rollout.wave(waiting, (NEW,))
            await until(lambda: _at_work(sql, len(waiting)))

        async def seen() -> None:
            async def shown() -> bool:
                """the leader shows the rollback"""
                page = await found.run('curl -s "$METRICS/metrics"')
                return 'soulprint_canary_share{kind="served"} 0.0' in page

            await until(shown)

        async def fallen() -> None:
            model.answers.set()
            model.bad = False
            await rollout.all_ended()

        await found.follow(
            "rollback.md",
            {"bad": bad, "seen": seen, "fallen": fallen, "git": nothing, "deploy": nothing},
        )
    services = (ROOT / "docker-compose.yml").read_text("utf-8")
    docker, render = [], []
    for line in told.read_text("utf-8").splitlines():
        command, *arguments = line.split("\t")
        (docker if command.endswith("docker") else render).append(arguments)
    deployed = [name for arguments in docker for name in arguments if not name.startswith("-")]
    assert sorted(set(deployed) - {"compose", "up"}) == sorted(SERVICES)
    assert all(f"\n  {name}:\n" in services for name in SERVICES)
    assert render[0][:4] == ["deploys", "create", "srv-extractor", "--commit"]


async def _at_work(sql: asyncpg.Connection, count: int) -> bool:
    """the chunks of these imports are with the model"""
    working = "SELECT count(*) FROM imports WHERE state = 'extracting'"
    return bool(await sql.fetchval(working) == count)


def _repository(folder: Path) -> Path:
    """A clone whose last commit is a release that was merged."""
    clone = folder / "clone"
    script = f"""
        git init -q --bare {folder}/origin -b main
        git clone -q {folder}/origin {clone} 2>&1
        cd {clone}
        git checkout -q -b main
        git commit -q --allow-empty -m 'Read Grok exports that wrap their responses'
        git checkout -q -b release
        echo new > release.txt && git add . && git commit -q -m 'Ask the model for more at a time'
        git checkout -q main && git merge -q --no-ff release -m "Merge branch 'release'"
        git push -q origin main
    """
    subprocess.run(["bash", "-ec", script], env={**os.environ, **IDENTITY}, check=True)
    return clone
