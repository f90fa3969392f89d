"""Two vendors of one person by the command: one memory, which says whose each fact is."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import facts, report
from tests.support.exports import chain, claude_chain, json_of
from tests.support.forking import ForkedSoulprint

WHO = ("--user", "bea of two vendors")


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
