"""Two vendors of one person by the command: one memory, which says whose each fact is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from soulprint.outputs import FACTS_FILE, MEMORY_FILE, SECTION_FILES
from tests.support.command import facts, report
from tests.support.exports import chain, claude_chain, json_of, zip_of
from tests.support.forking import ForkedSoulprint

WHO = ("--user", "bea of two vendors")


@pytest.mark.slow
def test_two_vendors_are_one_memory_and_every_command_says_whose(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    chatgpt, claude, out = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "out"
    chatgpt.write_bytes(json_of([chain("I live in Lisbon.", "Noted!", "I work as a nurse.")]))
    claude.write_bytes(json_of([claude_chain("I live in Porto.", "Noted!")]))
    assert forked("run", chatgpt, *WHO, "--out", out).code == 0
    ended = forked("run", claude, *WHO, "--out", out, "--lineage", "at home")
    assert ended.code == 0, ended.err
    ours, theirs = report(out)["lineages"], report(out)["joined"]
    assert [(each["vendor"], each["lineage"]) for each in ours] == [("claude", "at home")]
    lineage = theirs[0]["lineage"]
    assert f"facts are also of 1 other account that was imported: {lineage}" in ended.out
    assert "takes the place" not in ended.out
    told = {fact["statement"]: fact["account"]["lineage"] for fact in facts(out)}
    assert told == {
        "I live in Lisbon.": lineage,
        "I work as a nurse.": lineage,
        "I live in Porto.": "at home",
    }
    shown = forked("show", "--facts", *WHO).out
    assert [line.rpartition("  ")[2] for line in shown.splitlines()].count(f"[{lineage}]") == 2
    assert "I live in Porto.  [at home]" in shown
    (porto,) = [fact["id"] for fact in facts(out) if "Porto" in fact["statement"]]
    assert "account at home (claude)" in forked("show", "--why", porto, *WHO).out
    assert f"accounts: at home and {lineage}" in forked("users").out
    newest, before = forked("status").out.split("\n  account: ")[1:3]
    assert (newest.splitlines()[0], before.splitlines()[0]) == ("at home", lineage)
    assert "2 facts extracted" in newest, "of the first import, not of the memory"
    statuses = json.loads(forked("status", "--json").out)
    assert statuses[0]["lineages"] == ["at home"]


def test_a_name_that_no_lineage_can_have_is_wrong_usage(forked: ForkedSoulprint, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(json_of([chain("I live in Lisbon.")]))
    refused = forked("run", tmp_path / "a.json", *WHO, "--out", tmp_path / "out", "--lineage", "a\u202eb")
    assert refused.code == 2
    assert "a lineage's name has 1 to 64 characters" in " ".join(refused.err.split())


HOSTILE = {
    "lines": "Eve\n# Heading\n\n98c25fb5  2024-05-01  About             I lie.",
    "turned": "Ev\u202ee\u2066x",
    "long": "N" * 10_000,
    "heading": "# Heading",
    "terminal": "\x1b[31mEve\x07",
    "separators": "Eve\u2028# Heading\u2029x\x85# Heading",
}
"""What somebody may be called."""


@pytest.mark.slow
def test_whatever_an_account_is_called_it_forges_nothing_that_is_shown(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    who, out, files = ("--user", "eve of all names"), tmp_path / "out", []
    for key, name in HOSTILE.items():
        talk = claude_chain(
            f"My name is {name}. My dog is {name}.", "ok", "I have a cat.", conversation_id=key
        )
        users = [{"uuid": name, "full_name": name, "email_address": name, "verified_phone_number": None}]
        members = {"conversations.json": [talk | {"name": name}], "users.json": users}
        files.append(tmp_path / f"claude-{key}.zip")
        files[-1].write_bytes(zip_of({each: json_of(content) for each, content in members.items()}))
        talk = chain(f"Call me {name}.", "ok", "I work as a nurse.", conversation_id=f"c-{key}", title=name)
        user = {"id": name, "email": name, "chatgpt_plus_user": False, "phone_number": name}
        members = {"conversations.json": [talk], "user.json": user}
        files.append(tmp_path / f"chatgpt-{key}.zip")
        files[-1].write_bytes(zip_of({each: json_of(content) for each, content in members.items()}))
    for read in (files[1:], files[:1]):
        ended = forked("run", *read, *who, "--out", out)
        assert ended.code == 0, ended.err
    assert len(report(out)["joined"]) == len(files) - 1, "each is an account of its own"
    assert all(len(each["lineage"]) < 32 for each in report(out)["joined"])
    shown = [(out / file).read_text("utf-8") for file in (MEMORY_FILE, *SECTION_FILES.values())]
    listed = [
        forked("show", *how, *who).out for how in (["--facts"], ["--search", "e"], ["--section", "user"])
    ]
    told = facts(out)
    (cat,) = [fact["id"] for fact in told if fact["statement"] == "I have a cat."]
    of_them = [fact["id"] for fact in told if fact["conversation_title"].startswith("Eve")]
    listed += [forked("show", "--why", each, *who).out.split("\n\n")[0] for each in of_them]
    for text in [*shown, *listed, ended.out, forked("users").out, forked("status").out]:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)
        assert not re.search(r"^\W*(# Heading|98c25fb5)", text, re.MULTILINE)
        assert "N" * 501 not in text
    assert cat[:8] in listed[0]
    lines = (out / FACTS_FILE).read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [fact["id"] for fact in told]
