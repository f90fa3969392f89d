"""A pipeline that fails always, and quickpass: everyone ends with sections, by one fallback each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.requests import relay
from shared.resilience.faults import PoisonError
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.services import HOSTED, hosted
from tests.support.waiting import until

ENDS = """
SELECT p.import_status, p.full_pass_status, p.full_pass_error LIKE 'only 0.0% %' AS told,
       p.soul_md IS NOT NULL AS soul, p.import_error,
       (SELECT array_agg(i.kind || ' ' || i.state ORDER BY i.run)
        FROM imports i WHERE i.user_id = p.user_id) AS runs
FROM user_profiles p
"""
FALLEN = ("complete", "failed", True, True, None, ["primary failed", "fallback complete"])
AT_FAULT = ("failed", "failed", False, False, ["primary failed"])


class Refusing(OfflineModel):
    """Refuses everything."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        raise PoisonError("refused", "the model refuses to read it")


@asynccontextmanager
async def refusing(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Refusing())


async def test_everyone_ends_with_sections(
    setting: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    exports: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "OLD_SECONDS", 0.0)
    setting.changes |= {"profile_format": "app"}
    broken = exports / "broken.zip"
    broken.write_bytes(b"no zip")
    async with hosted(setting, (*HOSTED, "quickpass"), extractor=refusing):
        relaying = asyncio.create_task(relay.Relay(store, setting.log).run())
        users = [uuid4() for _ in range(3)]
        for user in users:
            await setting.import_of(exports / "small.zip", user)
        await setting.import_of(broken, UUID(int=0))

        async def all_ended() -> bool:
            rows = await sql.fetch("SELECT import_status FROM user_profiles")
            return len(rows) == 4 and all(row["import_status"] in ("complete", "failed") for row in rows)

        await until(all_ended)
        relaying.cancel()
    rows = [tuple(row) for row in await sql.fetch(ENDS + " WHERE user_id = ANY ($1)", users)]
    assert rows == [FALLEN] * 3
    row = await sql.fetchrow(ENDS + " WHERE user_id = $1", UUID(int=0))
    assert row is not None
    assert (row["import_status"], row["full_pass_status"], row["told"], row["soul"], row["runs"]) == AT_FAULT
