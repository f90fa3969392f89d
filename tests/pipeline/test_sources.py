"""Exports that the chunker cannot have, or not whole: their imports end failed, and say why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chunker.app import app as chunker
from shared.host.service import Kit, Service
from shared.pipelines import IMPORT_RECEIVED
from shared.resilience.backoff import Backoff
from shared.resilience.retry import RetryPolicy
from shared.store.store import Store
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.ops import CommandOf
from tests.support.services import ended, hosted
from tests.support.storage_server import Storage, storage_server

KEY = "service-key"
USER = UUID(int=0xA)
ALLOWED = 5_000_000
RETRY = RetryPolicy(backoff=Backoff(base=0.01, cap=0.01), attempts=3)


@asynccontextmanager
async def quick_chunker(kit: Kit) -> AsyncIterator[Service]:
    """The chunker, less patient with a storage that fails."""
    async with chunker(kit) as service:
        yield replace(service, policy=replace(service.policy, retry=RETRY))


@pytest.fixture
async def storage(setting: LocalSetting, exports: Path) -> AsyncIterator[Storage]:
    """A storage that the services of `setting` read."""
    async with storage_server(KEY) as server:
        server.objects[f"exports/{USER}/small.zip"] = (exports / "small.zip").read_bytes()
        setting.changes |= {
            "supabase_url": server.url,
            "supabase_service_role_key": KEY,
            "import_buckets": "exports",
            "max_export_bytes": ALLOWED,
        }
        yield server


async def test_an_object_of_storage_becomes_a_memory_though_storage_failed_at_first(
    setting: LocalSetting, storage: Storage, store: Store
) -> None:
    storage.fails = 2
    async with hosted(setting, chunker=quick_chunker) as host:
        run = await ended(store, await setting.import_of(f"exports/{USER}/small.zip", USER))
        retries = {"stage": "chunker", "fault": "transient"}
        assert host.registry.get_sample_value("soulprint_pool_retries_total", retries) == 2
    assert (run.state, run.coverage, run.error) == ("complete", 1.0, None), run
    assert len(storage.requests) == 3
    assert setting.reasons(IMPORT_RECEIVED) == []


FAULTS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "gone": (f"exports/{USER}/none.zip", {}, "no such object in exports", ""),
    "forbidden": (f"exports/{USER}/small.zip", {"key": "another"}, "may not read exports", ""),
    "other bucket": (f"secrets/{USER}/small.zip", {}, "bucket secrets is not one that may be read", ""),
    "other user": (f"exports/{uuid4()}/small.zip", {}, "folder of another user", ""),
    "truncated": (f"exports/{USER}/cut.zip", {}, "cannot be read", ""),
    "endless": (f"exports/{USER}/small.zip", {"endless": True}, f"larger than {ALLOWED} bytes", ""),
    "down": (f"exports/{USER}/small.zip", {"fails": -1}, "answered 503", "TransientError"),
    "broken off": (f"exports/{USER}/small.zip", {"truncate": True}, "broke off", "TransientError"),
}
"""Source, what storage does, what is told, and the reason of the dead letter where there is one."""
NOT_ITS_FAULT = {"forbidden", "down", "broken off"}
"""Where the export may be well: v1 is to try it."""


async def test_objects_that_cannot_be_had_fail_their_imports_and_status_says_why(
    setting: LocalSetting, storage: Storage, store: Store, exports: Path, command_of: CommandOf
) -> None:
    storage.objects[f"exports/{USER}/cut.zip"] = (exports / "small.zip").read_bytes()[:20]
    letters = []
    ids = {}
    well = {"key": KEY, "endless": False, "fails": 0, "truncate": False}
    async with hosted(setting, ("chunker",), chunker=quick_chunker):
        for case, (source, fault, told, letter) in FAULTS.items():
            for name, value in (well | fault).items():
                setattr(storage, name, value)
            event = await setting.import_of(source, USER)
            ids[case] = str(event.import_id)
            run = await ended(store, event)
            assert (run.state, run.user_id) == ("failed", USER), case
            assert run.error is not None
            assert run.error["step"] == "chunking", case
            assert told in run.error["message"], (case, run.error)
            assert KEY not in run.error["message"]
            letters += [letter] * bool(letter)
    assert setting.reasons(IMPORT_RECEIVED) == letters
    status = command_of(setting)
    followed, listed = await asyncio.gather(
        asyncio.to_thread(status, "status", str(event.import_id)),
        asyncio.to_thread(status, "status", "--json"),
    )
    assert followed.code == 1
    assert "failed" in followed.out
    assert "step chunking: storage: the object in exports broke off before its end" in followed.out
    rows = [row for row in listed.json() if row["kind"] == "primary"]
    assert {(row["state"], row["error"]["step"], row["user_id"]) for row in rows} == {
        ("failed", "chunking", str(USER))
    }
    assert len(rows) == len(FAULTS)
    others = [row for row in listed.json() if row["kind"] == "fallback"]
    assert len(others) == len(NOT_ITS_FAULT)
    assert {row["import_id"] for row in others} == {ids[case] for case in NOT_ITS_FAULT}


async def test_a_local_export_that_breaks_off_gives_what_it_held_and_an_unreadable_one_fails(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    whole = json_of([chain("I live in Porto.", "Noted!", conversation_id=f"c{n}") for n in range(3)])
    (exports / "cut.json").write_bytes(whole[:-300])
    (exports / "stub.json").write_bytes(whole[:300])
    (exports / "other.json").write_bytes(whole.replace(b'"parts"', b'"wording"'))
    async with hosted(setting):
        cut = await ended(store, await setting.import_of(exports / "cut.json"))
        stub = await ended(store, await setting.import_of(exports / "stub.json"))
        other = await ended(store, await setting.import_of(exports / "other.json"))
    assert (cut.state, cut.coverage, cut.breaks, cut.facts_extracted) == ("complete", 1.0, 1, 2), cut
    assert (stub.state, (stub.error or {})["step"]) == ("failed", "chunking"), stub
    assert "nothing of the export could be read" in (stub.error or {})["message"]
    assert (other.state, (other.error or {})["step"]) == ("failed", "chunking"), other
    assert "3 of 3 conversations could not be read" in (other.error or {})["message"]
    assert "`content.wording[]`" in (other.error or {})["message"]
