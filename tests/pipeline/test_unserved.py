"""Runs that come to their end and are not served, on both roads: told so, and their files are their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.domain.ids import user_id_for
from shared.store.store import Store
from soulprint.ending import NOT_SERVED, exit_code
from soulprint.outputs import summary
from soulprint.run import run_into
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted

OLDER_BY_TRIGGER = """
CREATE FUNCTION pg_temp_older() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.requested_at := NEW.requested_at - interval '1 day';
    RETURN NEW;
END
$$;
CREATE TRIGGER older BEFORE INSERT ON imports FOR EACH ROW
    WHEN (NEW.source LIKE '%older.json') EXECUTE FUNCTION pg_temp_older();
"""


@pytest.fixture
async def older_by_trigger(sql: asyncpg.Connection) -> AsyncIterator[None]:
    """What is read from older.json counts as requested a day before."""
    await sql.execute(OLDER_BY_TRIGGER)
    yield
    await sql.execute("DROP TRIGGER older ON imports; DROP FUNCTION pg_temp_older")


def export_of(path: Path, *lines: str, conversation_id: str = "c1") -> Path:
    path.write_bytes(json_of([chain(*lines, conversation_id=conversation_id)]))
    return path


@pytest.mark.usefixtures("older_by_trigger")
async def test_a_command_whose_memory_is_refused_as_older_says_so_and_leaves_its_own_files(
    setting: LocalSetting, exports: Path, tmp_path: Path
) -> None:
    newer = export_of(exports / "newer.json", "I live in Porto.", "Noted!")
    older = export_of(exports / "older.json", "I live in Lisbon.", "Noted!")
    settings = setting.settings()
    first = await run_into(tmp_path / "newer", [newer], "ana", settings, max_cost=None)
    report = await run_into(tmp_path / "older", [older], "ana", settings, max_cost=None)
    assert (first["status"], report["status"], report["unserved"]) == ("complete", "unserved", "older")
    assert report["served"] == {"import_id": first["import_id"], "run": 1}
    assert exit_code(report["status"], len(report["breaks"])) == NOT_SERVED
    told = summary(report, tmp_path / "older")
    assert told[0].startswith("not served: ")
    assert first["import_id"] in told[-1]
    assert json.loads((tmp_path / "older" / "report.json").read_bytes()) == report
    for name, has, lacks in (("older", "Lisbon", "Porto"), ("newer", "Porto", "Lisbon")):
        for file in ("MEMORY.md", "facts.jsonl"):
            text = (tmp_path / name / file).read_text("utf-8")
            assert (has in text, lacks in text) == (True, False), (name, file)


async def test_services_keep_the_order_of_requests_whatever_the_order_of_work(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    """An import from a clock ahead, one of now, and one that waited for days: memory and passages."""
    user = uuid4()
    now = datetime.now(UTC)
    asked = {
        "ahead": ("Porto", now + timedelta(hours=2)),
        "now": ("Lisbon", now + timedelta(minutes=1)),
        "waited": ("Faro", now - timedelta(days=3)),
    }
    runs = {}
    async with hosted(setting):
        for name, (town, at) in asked.items():
            source = export_of(exports / f"{name}.json", f"I live in {town}.", "Noted!")
            runs[name] = await ended(store, await setting.import_of(source, user, requested_at=at))
    assert [run.state for run in runs.values()] == ["complete", "complete", "unserved"]
    profile = await store.read_profile(user)
    assert profile is not None
    assert (profile.import_id, profile.full_pass_status) == (runs["now"].import_id, "complete")
    (passage,) = await store.read_passages(user, "c1")
    assert "Lisbon" in passage.content
    own = await store.read_documents(runs["waited"].import_id, 1)
    assert own is not None
    assert "Faro" in (own.memory_md or "")


async def test_services_keep_a_cut_off_exports_memory_beside_a_fuller_one(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    user = user_id_for("ana")
    pastimes = ("sailing", "chess", "pottery", "climbing", "baking", "astronomy")
    whole = json_of([chain(f"I love {what}.", "Noted!", conversation_id=what) for what in pastimes])
    (exports / "whole.json").write_bytes(whole)
    (exports / "cut.json").write_bytes(whole[: len(whole) // 4])
    async with hosted(setting):
        full = await ended(store, await setting.import_of(exports / "whole.json", user))
        cut = await ended(store, await setting.import_of(exports / "cut.json", user))
    assert (full.state, full.breaks) == ("complete", 0)
    assert (cut.state, cut.unserved, cut.breaks, cut.coverage) == ("unserved", "smaller", 1, 1.0)
    profile = await store.read_profile(user)
    assert profile is not None
    assert (profile.import_id, profile.full_pass_status) == (full.import_id, "failed")
    assert (await store.accept_memory(cut.import_id)).written
