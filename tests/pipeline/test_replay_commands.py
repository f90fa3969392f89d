"""`soulprint replay run` and the verbs beside it, over services in this process."""

from __future__ import annotations

import asyncio
import io
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from services.extractor.app import extractor
from shared.domain.errors import StoreError
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.store.store import Store
from soulprint.replay import following
from tests.pipeline.test_replays import followed, imported, items_of
from tests.support.forking import ForkedSoulprint
from tests.support.local import LocalSetting
from tests.support.ops import CommandOf
from tests.support.replays import planned
from tests.support.services import hosted
from tests.support.waiting import until

WHY = ("--reason", "a new prompt", "--by", "eve")


@pytest.fixture
def hasty(setting: LocalSetting) -> LocalSetting:
    setting.changes |= {"sweep_seconds": 0.1}
    return setting


async def asked(command: ForkedSoulprint, *arguments: str) -> tuple[int, str, str]:
    """Exit code, and what was printed, lines that were wrapped in one."""
    done = await asyncio.to_thread(command, "replay", *arguments)
    return done.code, re.sub(r"\n {2,}", " ", done.out), done.err


@pytest.mark.slow
async def test_a_plan_is_run_and_followed_to_its_end(
    hasty: LocalSetting, store: Store, command_of: CommandOf, exports: Path
) -> None:
    async with hosted(hasty):
        events = await imported(hasty, store, exports / "small.zip", 4)
        command = command_of(hasty)
        made = await asyncio.to_thread(command, "replay", "plan", "--stage", "memory", "--json")
        plan = made.json()["plan"]
        code, out, _ = await asked(command, "run", plan, *WHY, "--dry-run")
        assert (code, out) == (0, "it would be run: 4 imports (4 by a count now)\n")
        code, out, _ = await asked(command, "status", plan)
        assert (code, out.startswith(f"replay {plan}  planned")) == (0, True)
        done = await asyncio.to_thread(command, "replay", "run", plan, *WHY, "--max-cost", "0", "--json")
        assert (done.code, done.json()["state"], done.json()["items"]) == (0, "done", {"done": 4})
        assert (done.json()["plan"], done.json()["run_by"], done.json()["next"]) == (plan, "eve", [])
        assert "running: " in done.err
    code, _, err = await asked(command, "run", plan, *WHY)
    assert (code, err) == (2, f"soulprint: plan {plan} was run before; it is done: make a new plan\n")
    for verb in ("pause", "continue", "stop"):
        code, _, err = await asked(command, verb, plan)
        assert (code, err.split(": ")[1]) == (2, f"replay {plan} is done")
    assert {row.run for event in events for row in await store.list_runs(event.import_id)} == {1, 2}


@pytest.mark.slow
async def test_what_cannot_be_run_is_said(
    hasty: LocalSetting, store: Store, sql: asyncpg.Connection, command_of: CommandOf, exports: Path
) -> None:
    command = command_of(hasty)
    code, out, _ = await asked(command, "status")
    assert (code, out) == (0, "no replay was run yet; `soulprint replay list` has the plans\n")
    for arguments in (["run", str(uuid4()), *WHY], ["status", str(uuid4())], ["stop", str(uuid4())]):
        code, _, err = await asked(command, *arguments)
        assert (code, "there is no plan" in err) == (2, True)
    code, _, err = await asked(command, "run", "the last one", *WHY)
    assert (code, "is no whole id" in err) == (2, True)
    async with hosted(hasty):
        await imported(hasty, store, exports / "small.zip", 3)
    made = await asyncio.to_thread(command, "replay", "plan", "--stage", "memory", "--json")
    plan = made.json()["plan"]
    code, _, err = await asked(command, "run", plan, "--reason", " ")
    assert (code, "--reason is empty" in err) == (2, True)
    await store.change_policy({"passthrough": True}, by="eve", reason="v2 fails")
    code, _, err = await asked(command, "run", plan, *WHY)
    assert (code, "every import goes to v1 now" in err) == (1, True)
    await store.change_policy({"passthrough": False}, by="eve", reason="mended")
    await sql.execute("DELETE FROM imports WHERE import_id = (SELECT import_id FROM imports LIMIT 1)")
    code, _, err = await asked(command, "run", plan, *WHY)
    assert (code, "has 3 imports, and the same would choose 2 now" in err) == (1, True)
    with pytest.raises(StoreError, match="needs a reason"):
        await store.start_replay(made.json()["plan"], by="eve", reason=" ")


class Waiting(OfflineModel):
    """Waits with what is replayed until it may go on."""

    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__()
        self._gate = gate

    async def extract(self, chunk: ChunkReady) -> Extraction:
        if chunk.priority == "replay":
            await self._gate.wait()
        return await super().extract(chunk)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_whoever_leaves_leaves_it_running(
    hasty: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    command_of: CommandOf,
    exports: Path,
    number: signal.Signals,
) -> None:
    gate = asyncio.Event()

    @asynccontextmanager
    async def waiting(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, Waiting(gate))

    async with hosted(hasty, extractor=waiting):
        events = await imported(hasty, store, exports / "small.zip", 3)
        await sql.execute("DELETE FROM extraction_cache")
        replay_id = await planned(sql, *items_of(events), stage="chunks", canary=2)
        left = command_of(hasty).start("replay", "status", str(replay_id), "--follow")
        await until(lambda: "running: 0 of 3 imports" in left.err)
        left.send_signal(number)
        _, err = await asyncio.to_thread(left.communicate)
        assert left.poll() == 128 + number
        assert "the replay goes on without this command. Follow it: soulprint replay status" in err
        gate.set()
        await followed(store, replay_id, "paused")
        command = command_of(hasty)
        code, out, _ = await asked(command, "status", str(replay_id), "--follow")
        assert code == 4
        assert "paused, its first imports are done, and it waits for your word" in out
        assert f"soulprint replay continue {replay_id}" in out
        code, out, _ = await asked(command, "continue", str(replay_id), *WHY)
        assert code == 0
        progress = await followed(store, replay_id)
    assert progress.items == {"done": 3}
    assert [(change["did"], change["by"]) for change in progress.changes] == [
        ("pause", ""),
        ("continue", "eve"),
        ("done", ""),
    ]


async def test_that_nobody_drives_is_said(
    hasty: LocalSetting,
    store: Store,
    sql: asyncpg.Connection,
    command_of: CommandOf,
    exports: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with hosted(hasty):
        events = await imported(hasty, store, exports / "small.zip", 1)
    replay_id = await planned(sql, *items_of(events), stage="memory")
    command = command_of(hasty)
    code, out, _ = await asked(command, "status")
    assert (code, "Nobody drives replays" in out) == (0, True)
    monkeypatch.setattr(following, "NOBODY_SECONDS", 0.0)
    said = io.StringIO()
    follows = asyncio.create_task(following.follow(store, replay_id, said))
    await until(lambda: "Nobody drives replays" in said.getvalue())
    code, out, _ = await asked(command, "pause", str(replay_id))
    assert (code, "a person has paused it" in out) == (0, True)
    assert (await follows).paused_why == "asked"
    code, out, _ = await asked(command, "stop", str(replay_id), "--json")
    assert code == 0
    assert '"skipped": { "stopped": 1' in out
