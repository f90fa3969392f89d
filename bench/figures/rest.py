"""Over REST: the same import by the same services, once over a direct connection and once over PostgREST."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figure import Figure, at_most
from bench.session import FIRST, Session
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate
from shared.settings import Settings
from shared.store.store import open_store
from tests.support.gateway import supabase_project
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

LIMIT = 2.0
ROUNDS = 3


def figures(session: Session) -> Iterator[Figure]:
    """Seconds of the small import, the best of three, and how many times as long it takes over REST."""
    export, first = session.export(session.small).path, session.export(FIRST).path
    taken = asyncio.run(_measured(export, first))
    direct, rest = min(taken["direct"]), min(taken["rest"])
    note = f"direct {_told(taken['direct'])} s, over REST {_told(taken['rest'])} s"
    yield Figure("over REST: time", rest, "s")
    yield at_most("over REST: times as long as direct", rest / direct, LIMIT, note=note)


async def _measured(export: Path, first: Path) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"direct": [], "rest": []}
    with tempfile.TemporaryDirectory(prefix="soulprint-bench-") as home:
        async with embedded_postgres(Path(home)) as dsn:
            await migrate(dsn)
            async with supabase_project(dsn) as project:
                over = {
                    "direct": {},
                    "rest": {
                        "store": "rest",
                        "supabase_url": project.url,
                        "supabase_service_role_key": project.service_key,
                    },
                }
                for changes in over.values():
                    await _seconds(dsn, first, changes)
                for _ in range(ROUNDS):
                    for kind, changes in over.items():
                        taken[kind].append(await _seconds(dsn, export, changes))
    return taken


async def _seconds(dsn: str, export: Path, changes: dict[str, Any]) -> float:
    """From the request of an import of a new user's to its end, by services on a log in memory."""
    setting = _Plain(dsn, export.parent, changes={"sweep_seconds": 10.0, **changes})
    async with hosted(setting), open_store(dsn) as store:
        began = time.perf_counter()
        run = await ended(store, await setting.import_of(export), 600.0)
        assert run.state == "complete", run
        return time.perf_counter() - began


@dataclass
class _Plain(LocalSetting):
    """On the log as the product has it."""

    def open_log(self, settings: Settings, metrics: PoolMetrics) -> Log:
        """See AnySetting."""
        if self._log is None:
            self._log = LocalLog(metrics)  # type: ignore[assignment]
        return self.log


def _told(seconds: list[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in seconds)
