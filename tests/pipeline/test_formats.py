"""Profiles in the form that the app reads: an import from end to end, and Markdown to people all the same."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

import soulprint
from shared.domain.documents import section_text
from shared.domain.ids import user_id_for
from shared.domain.sections import KINDS
from shared.log.kafka.cloudevents import encode
from shared.pipelines import MEMORY_READY
from shared.store.store import Store
from soulprint.run import run_into
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.records import memory_of
from tests.support.sections import APP
from tests.support.services import ended, hosted

WORDS = (
    "My name is Nora Quigley. I live in Porto. I love trains. I use Helix now. Always answer in French.",
    "I'm a data engineer. My sister Aoife lives in Toronto. I believe that honesty matters.",
)
SAID = {"user": "Nora Quigley", "tools": "I use Helix now.", "agents": "Always answer in French."}
EARLIER = {"soul": "# Soul\n\n- Kind. [f:0123abcd]\n", "user": "# User\n\n- From Melto.\n", "tools": ""}


@pytest.fixture
def source(exports: Path) -> Path:
    """An export with something for most sections."""
    path = exports / f"{uuid4()}.json"
    chains = [chain(text, "Noted!", conversation_id=f"c{at}") for at, text in enumerate(WORDS)]
    path.write_bytes(json_of(chains))
    return path


async def columns(sql: asyncpg.Connection) -> dict[str, str]:
    """The profile's sections as they are stored."""
    row = await sql.fetchrow("SELECT soul_md, identity_md, user_md, agents_md, tools_md FROM user_profiles")
    assert row is not None
    return {name.removesuffix("_md"): value for name, value in dict(row).items()}


async def test_all_five_columns_are_the_apps_json_and_people_get_markdown(
    setting: LocalSetting, sql: asyncpg.Connection, source: Path, tmp_path: Path
) -> None:
    settings = setting.settings().model_copy(update={"profile_format": "app"})
    report = await run_into(tmp_path / "app", [source], "ana", settings, max_cost=None)
    assert report["status"] == "complete"
    stored = await columns(sql)
    for name, text in stored.items():
        assert {key: type(value) for key, value in json.loads(text).items()} == APP[name]
        assert list(json.loads(text)) == list(APP[name])
        assert SAID.get(name, "") in text
    assert json.loads(stored["user"])["name"] == "Nora Quigley"
    whole, memory = await sql.fetchrow("SELECT soulprint_text, memory_md FROM user_profiles")
    files = {path.stem.lower(): path.read_text("utf-8") for path in (tmp_path / "app").glob("*.md")}
    shown = [files[name] for name in KINDS if "Nothing in this export" not in files[name]]
    assert len(shown) >= 3
    assert whole == "\n\n".join(shown)
    assert memory == files["memory"] != ""
    async with soulprint.open_memory("ana", database_url=setting.database) as opened:
        for name, text in asdict(opened.sections).items():
            assert text in (files[name], "")
            assert not text or "[f:" in text
    refined = json.dumps({"name": "Nora", "humor": "dry"})
    await sql.execute("UPDATE user_profiles SET user_md = $1", refined)
    async with soulprint.open_memory("ana", database_url=setting.database) as opened:
        assert opened.sections.user == section_text("user", refined)
        assert opened.sections.tools == files["tools"]
    await again(setting, sql, source, tmp_path)
    assert {each.name: each.read_bytes() for each in (tmp_path / "app").glob("*.md")} == {
        each.name: each.read_bytes() for each in (tmp_path / "markdown").glob("*.md")
    }


async def again(setting: LocalSetting, sql: asyncpg.Connection, source: Path, folder: Path) -> None:
    """The same export in the other form: the next run, as Markdown."""
    settings = setting.settings()
    assert settings.profile_format == "markdown"
    report = await run_into(folder / "markdown", [source], "ana", settings, max_cost=None)
    assert report["status"] == "complete"
    stored = await columns(sql)
    assert all(not text or text.startswith("# ") for text in stored.values())
    assert SAID["user"] in stored["user"]


async def test_a_memory_from_before_sections_had_fields_is_committed_with_all_that_it_says(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, source: Path
) -> None:
    """As it may lie on the log, or be kept in the database, while SoulPrint is brought up to date."""
    setting.changes["profile_format"] = "app"
    user = user_id_for("ana")
    async with hosted(setting, ("writer",)):
        event = await setting.import_of(source, user)
        assert (await store.take_run(event, "v2", "a", on_log=True, profile_format="app")).refusal is None
        memory = memory_of(import_id=event.import_id, user_id=user)
        value, headers = encode(memory, source="consolidator", pipeline="v2")
        body = json.loads(value) | {"sections": EARLIER}
        older = dict(headers) | {"ce_type": b"soulprint.memory-ready.v1"}
        await setting.send_raw(setting.topic(MEMORY_READY), json.dumps(body).encode(), list(older.items()))
        await ended(store, event)
        stored = await columns(sql)
        assert json.loads(stored["soul"])["communication_style"] == "Kind."
        assert json.loads(stored["user"])["life_context"] == "From Melto."
        assert set(json.loads(stored["tools"])) == set(APP["tools"])
        assert "- Kind. [f:0123abcd]" in await sql.fetchval("SELECT soulprint_text FROM user_profiles")
        await sql.execute("INSERT INTO memory_outbox VALUES ($1, 1, $2)", event.import_id, json.dumps(body))
        kept = await store.read_kept_memory(event.import_id, 1)
        assert kept is not None
        assert kept.sections.soul is not None
        assert kept.sections.soul.communication_style == "Kind."
