"""An import through every service gives what one process gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.store.store import Store
from tests.support.ops import CommandOf
from tests.support.services import Setting, ended, facts_of, hosted, submitted

ANA = UUID(int=0xA)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{8,}\b")


async def memory_of(store: Store, user_id: UUID) -> str:
    """The memory without what differs between users: ids and the time of writing."""
    profile: Any = await store.read_profile(user_id)
    return _ID.sub("*", profile.memory_md)


async def test_all_services_give_the_facts_and_the_memory_of_a_run_in_one_process(
    setting: Setting, store: Store, exports: Path, tmp_path: Path, command_of: CommandOf
) -> None:
    command = command_of(setting)
    alone = command("run", exports / "large.zip", "--user", "alone", "--out", tmp_path / "out", "--json")
    assert alone.code == 0, alone.err
    event = submitted(command("submit", exports / "large.zip", "--user", str(ANA), "--json"), ANA)
    async with hosted(setting):
        run = await ended(store, event)
    assert (run.state, run.chunks_dead, run.coverage) == ("complete", 0, 1.0), run
    ours, theirs = await facts_of(store, ANA), await facts_of(store, UUID(alone.json()["user_id"]))
    assert len(ours) > 100
    assert ours == theirs
    assert await memory_of(store, ANA) == await memory_of(store, UUID(alone.json()["user_id"]))
    followed = command("status", str(event.import_id))
    assert followed.code == 0, followed.err
    assert "complete 100%" in followed.out
    assert command("cancel", str(event.import_id)).code == 1


async def test_the_same_export_submitted_again_is_the_next_run_and_comes_from_the_cache(
    setting: Setting, store: Store, exports: Path, command_of: CommandOf
) -> None:
    command = command_of(setting)
    async with hosted(setting):
        for number in (1, 2):
            event = submitted(command("submit", exports / "small.zip", "--user", str(ANA), "--json"), ANA)
            assert event.run == number
            run = await ended(store, event)
            assert run.state == "complete", run
    report: Any = await store.read_run(event.import_id, 2)
    assert report.chunks_cached == report.chunks_total > 0
