"""The first thing a newcomer sees: the example export, read by the product."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Soulprint, facts, report
from tests.support.excerpt import excerpt_of, redone
from tests.support.forking import ForkedSoulprint

EXAMPLES = Path(__file__).parents[2] / "examples"
README = EXAMPLES.parent / "README.md"
RECALL = 0.85
"""Least share of the durable facts that a careful reader finds."""


@dataclass(frozen=True)
class Read:
    soulprint: ForkedSoulprint
    out: Path
    facts: list[dict[str, Any]]

    def holding(self, keywords: list[str]) -> list[dict[str, Any]]:
        return [fact for fact in self.facts if all(word.lower() in words(fact) for word in keywords)]


def words(fact: dict[str, Any]) -> str:
    return f"{fact['statement']} {fact['quote']}".lower()


@pytest.fixture(scope="module")
def read(shared_home: Soulprint, forked: ForkedSoulprint, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Read by a command that nothing is forked from, as a newcomer's is, of the user who is named nowhere."""
    out = tmp_path_factory.mktemp("example") / "out"
    ended = shared_home("run", EXAMPLES / "export.zip", "--out", out)
    assert ended.code == 0, ended.err
    return Read(forked, out, facts(out))


@pytest.fixture(scope="module")
def expected() -> Any:
    return json.loads((EXAMPLES / "expected.json").read_text("utf-8"))


def test_nothing_that_must_never_be_recalled_is_in_any_file(read: Read, expected: Any) -> None:
    recalled = [
        (each["kind"], each["text"])
        for each in expected["must_never_recall"]
        if any(each["text"].lower() in words(fact) for fact in read.facts)
    ]
    assert recalled == []


def test_durable_facts_are_recalled(read: Read, expected: Any) -> None:
    wanted = expected["must_recall"]
    missed = [each["id"] for each in wanted if not read.holding(each["keywords"])]
    assert 1 - len(missed) / len(wanted) >= RECALL, missed


def test_a_later_statement_makes_the_earlier_one_history(read: Read) -> None:
    lisbon = read.holding(["live in Lisbon", "Duarte"])
    porto = read.holding(["live in Porto", "Duarte"])
    assert [fact["status"] for fact in lisbon] == ["superseded"]
    assert [fact["status"] for fact in porto] == ["current"]
    memory = (read.out / "MEMORY.md").read_text("utf-8")
    assert memory.index("I live in Porto") < memory.index("earlier: I live in Lisbon")


def test_every_line_of_memory_can_be_traced_to_the_persons_words(read: Read) -> None:
    lines = (read.out / "MEMORY.md").read_text("utf-8").splitlines()
    line = next(each for each in lines if each.startswith("- ") and "[f:" in each)
    reference = line.split("[f:")[1][:8]
    shown = read.soulprint("show", "--why", reference)
    assert shown.code == 0, shown.err
    (fact,) = [each for each in read.facts if each["id"].startswith(reference)]
    assert fact["quote"] in shown.out
    assert fact["conversation_title"] in shown.out


def test_the_readme_shows_lines_that_really_come_out(read: Read) -> None:
    memory = (read.out / "MEMORY.md").read_text("utf-8")
    if os.environ.get("PAGES") == "write":
        references = {fact["statement"]: fact["id"][:8] for fact in read.facts}
        told = redone(
            README.read_text("utf-8"),
            memory,
            references,
            lambda it: read.soulprint("show", "--why", it).out.splitlines(),
        )
        README.write_text(told, "utf-8")
    excerpt = excerpt_of(README.read_text("utf-8"))
    shown = [line for line in excerpt.splitlines() if line.startswith(("#", "- ", "  - "))]
    assert len(shown) > 10
    assert set(shown) <= set(memory.splitlines())
    why = excerpt.split("soulprint show --why ")[1].splitlines()
    assert read.soulprint("show", "--why", why[0]).out.startswith("\n".join(why[1:3]))


def test_the_memory_is_read_back_section_by_section(read: Read) -> None:
    shown = read.soulprint("show", "--section", "user")
    assert shown.out.strip() == (read.out / "USER.md").read_text("utf-8").strip()
    listed = read.soulprint("show", "--facts", "--json").out.splitlines()
    assert len(listed) == len(read.facts)
    found = read.soulprint("show", "--search", "bolota", "--json").json()
    assert found["facts"]
    assert found["passages"]
    assert read.soulprint("show", "--user", "nobody").code == 1
    assert read.soulprint("show", "--why", "zz").code == 1


def test_the_report_says_what_was_read_and_what_was_not(read: Read) -> None:
    told = report(read.out)
    conversations = told["conversations"]
    assert (told["format"], told["status"]) == ("chatgpt", "complete")
    assert told["coverage"] == round(1 - 2 / conversations["kept"], 4)
    assert conversations["seen"] == sum(
        conversations[key] for key in ("kept", "skipped_count", "empty", "left_out", "duplicates")
    )
    assert told["unread_conversations"] == told["unread"]["conversations"] == 2
    assert told["facts"]["kept"] == len(read.facts)
    assert told["peak_rss_bytes"] < 200_000_000
    assert read.soulprint("doctor", "--json").code == 0
