"""One person's accounts at several vendors: one memory, whichever was imported first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from soulprint.outputs import FILES, REPORT_FILE
from soulprint.run import run_into
from tests.support.databases import EMPTY, run_sql
from tests.support.exports import chain, claude_chain, json_of, zip_of
from tests.support.local import LocalSetting

SAID = {
    "a1": (
        "I live in Lisbon.",
        "Noted!",
        "My dog is called Zorvik.",
        "A fine name.",
        "I am allergic to nuts.",
    ),
    "a2": ("I work as a nurse.", "Thanks!", "I love hiking in the mountains."),
    "k1": ("I live in Porto.", "Noted!", "My dog is called Zorvik!", "I see."),
    "k2": ("I quit smoking.", "Well done!", "I prefer short answers."),
}
CHATGPT = [chain(*SAID[key], conversation_id=key) for key in ("a1", "a2")]
CLAUDE = [claude_chain(*SAID[key], conversation_id=key) for key in ("k1", "k2")]
MONTH = [*CHATGPT, chain("I bought a red bicycle.", "Nice!", conversation_id="a3")]
RESULT = [name for name in FILES if name != REPORT_FILE]


def account(user: str, email: str = "ana@example.org") -> bytes:
    """ChatGPT's user.json."""
    return json_of({"id": user, "email": email, "chatgpt_plus_user": False, "phone_number": None})


class Person:
    """Runs of one user, each into a folder of its own."""

    def __init__(self, setting: LocalSetting, folder: Path) -> None:
        self._setting = setting
        self._folder = folder
        self._count = 0
        self.out = folder

    def export(self, name: str, conversations: object, *, user: str = "") -> Path:
        path = self._folder / name
        members = {"conversations.json": json_of(conversations)}
        if user:
            members["user.json"] = account(user)
        path.write_bytes(zip_of(members) if name.endswith(".zip") else members["conversations.json"])
        return path

    async def run(self, *exports: Path, lineage: str | None = None, replace: bool = False) -> dict[str, Any]:
        self._count += 1
        self.out = self._folder / f"out-{self._count}"
        settings = self._setting.settings()
        return await run_into(
            self.out, exports, "ana", settings, max_cost=None, lineage=lineage, replace=replace
        )

    def result(self) -> dict[str, bytes]:
        return {name: (self.out / name).read_bytes() for name in RESULT}

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / "facts.jsonl").read_bytes().splitlines()]

    def statements(self) -> list[str]:
        return sorted(fact["statement"] for fact in self.facts())

    async def begin_anew(self) -> None:
        await run_sql(self._setting.database, EMPTY)


@pytest.fixture
def ana(setting: LocalSetting, tmp_path: Path) -> Person:
    return Person(setting, tmp_path)


def vendors(report: dict[str, Any], key: str = "lineages") -> list[str]:
    return [each["vendor"] for each in report[key]]


async def test_two_vendors_make_one_memory_whichever_comes_first(ana: Person) -> None:
    chatgpt, claude = ana.export("chatgpt.json", CHATGPT), ana.export("claude.json", CLAUDE)
    results, kept = [], []
    orders: Sequence[Sequence[Sequence[Path]]] = (
        [[chatgpt], [claude]],
        [[claude], [chatgpt]],
        [[chatgpt, claude]],
    )
    for order in orders:
        await ana.begin_anew()
        for exports in order:
            report = await ana.run(*exports)
        results.append(ana.result())
        kept.append(report["facts"]["kept"])
    for name in RESULT:
        assert results[0][name] == results[1][name], name
        assert results[0][name] == results[2][name], name
    assert kept[0] == kept[1] == kept[2] > 5
    assert b"from 4 conversations (15 messages)" in results[0]["MEMORY.md"]
    facts = {fact["statement"]: fact for fact in ana.facts()}
    assert {fact["account"]["vendor"] for fact in facts.values()} == {"chatgpt", "claude"}
    home = facts["I live in Lisbon."]
    assert (home["status"], home["superseded_by"]) == ("superseded", facts["I live in Porto."]["id"])
    dog = next(fact for statement, fact in facts.items() if "Zorvik" in statement)
    assert (dog["support"], dog["account"]["vendor"], len(dog["lineages"])) == (2, "chatgpt", 2)


async def test_the_second_import_reads_nothing_of_the_first_again(ana: Person) -> None:
    await ana.run(ana.export("chatgpt.json", CHATGPT))
    before = ana.statements()
    report = await ana.run(ana.export("claude.json", CLAUDE))
    assert (vendors(report), vendors(report, "joined")) == (["claude"], ["chatgpt"])
    assert (report["chunks"]["total"], report["chunks"]["cached"]) == (1, 0), "its own chunk, and no other"
    assert report["usage"]["calls"] == 0
    assert set(before) - set(ana.statements()) <= {"My dog is called Zorvik."}
    both = await ana.run(ana.export("chatgpt.json", CHATGPT), ana.export("claude.json", CLAUDE))
    assert both["chunks"]["cached"] == both["chunks"]["total"] == 2, "in one run they are cut as they were"


async def test_a_month_more_of_one_vendor_replaces_that_vendors_part_only(ana: Person) -> None:
    await ana.run(ana.export("chatgpt.json", CHATGPT))
    await ana.run(ana.export("claude.json", CLAUDE))
    report = await ana.run(ana.export("later.json", MONTH[1:]), replace=True)
    assert vendors(report, "joined") == ["claude"]
    after = ana.statements()
    assert "I bought a red bicycle." in after
    assert "I live in Porto." in after
    assert "I am allergic to nuts." not in after, "what the newer export of the same history lacks"
    assert b"from 4 conversations" in ana.result()["MEMORY.md"]
    again = await ana.run(ana.export("claude.json", CLAUDE))
    assert (vendors(again, "joined"), ana.statements()) == (["chatgpt"], after)
