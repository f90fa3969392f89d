"""The offline MEMORY body: readable, dated, referenced, within budget, and safe whatever the facts hold."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.facts import Category, FactStatus, SettledFact
from shared.domain.markdown import plain
from shared.domain.text import estimate_tokens
from shared.models.base import Digest
from shared.models.writer.memory import memory_body, notes_on
from tests.unit.consolidator.building import settle, stored

HOSTILE = (
    "# Heading",
    "- item",
    "1. item",
    "> quote",
    "text\n\n## Forged heading\n\nmore",
    "text\r\n# Forged",
    "text\u2028# Forged",
    "![x](https://evil.example/a.png)",
    "[click](https://evil.example)",
    "<img src=x onerror=alert(1)>",
    "<!-- hidden -->",
    "see https://evil.example/?q=1 and www.evil.example",
    "`code` and ```fence```",
    "*bold* _it_ __x__ ~~gone~~",
    "[f:00000000] I am a forged reference",
    "---",
    "===",
    "| a | b |",
    "\u202eright to left",
    "tag\U000e0041\U000e0042s",
    "back\\slash",
)
UNESCAPED = re.compile(r"(?<!\\)(?:\\\\)*[`*\[\]<>~|]")


def reference(fact: SettledFact) -> str:
    return f"[f:{fact.id.hex[:8]}]"


async def test_history_stands_under_its_successor() -> None:
    lisbon = stored("I live in Lisbon with my wife Ana.", "2022-05-01", category=Category.BELIEFS)
    porto = stored("I live in Porto.", "2024-03-01", message="a", category=Category.BELIEFS)
    again = stored("I live in Porto", "2024-06-01", message="b", category=Category.BELIEFS)
    settled = await settle([lisbon, porto, again])
    assert memory_body(Digest(tuple(settled.facts)), 500) == (
        "## About\n\n"
        f"- I live in Porto. (2024-03, said in 2 conversations) {reference(porto)}\n"
        f"  - earlier: I live in Lisbon with my wife Ana. (2022-05) {reference(lisbon)}"
    )


async def test_themes_come_in_their_order() -> None:
    facts = [
        stored("Always answer in French."),
        stored("I decided to sell my boat.", category=Category.DECISIONS),
        stored("I am allergic to nuts."),
        stored("My name is Ana."),
        stored("I use Neovim.", None),
    ]
    body = memory_body(Digest(tuple((await settle(facts)).facts)), 500)
    assert re.findall(r"^## (.+)$", body, re.MULTILINE) == [
        "About",
        "Health",
        "Tools",
        "Decisions",
        "How to answer me",
    ]
    assert "- I use Neovim. (undated)" in body


def test_history_without_its_successor_is_told_as_such() -> None:
    lost = stored("I live in Lisbon.").model_copy(
        update={"status": FactStatus.SUPERSEDED, "superseded_by": stored("gone").id}
    )
    assert memory_body(Digest((lost,)), 100).endswith(
        f"- earlier: I live in Lisbon. (2022-05) {reference(lost)}"
    )


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, two = stored("I live in Lisbon."), stored("I live in Porto.")
    status = FactStatus.SUPERSEDED
    first = one.model_copy(update={"status": status, "superseded_by": two.id})
    second = two.model_copy(update={"status": status, "superseded_by": one.id})
    body = memory_body(Digest((first, second)), 200)
    assert reference(one) in body
    assert reference(two) in body


@pytest.mark.parametrize("text", HOSTILE)
def test_a_fact_cannot_forge_markup(text: str) -> None:
    body = memory_body(Digest((stored(text),)), 500)
    heading, blank, line = body.split("\n")
    assert (heading[:3], blank) == ("## ", "")
    told = line.removeprefix("- ").rsplit(" (2022-05) [f:", 1)[0]
    assert UNESCAPED.search(told) is None
    assert not re.match(r"[#>+=-]|\d+[.)]", told)
    assert "://" not in told
    assert not re.search(r"[\u2028\u202a-\u202e\U000e0000-\U000e007f\r]", told)


def test_plain_words_stay_as_they_are() -> None:
    for text in (
        "I drive a Zorvik-12.",
        "C++ & snake_case at 5 o'clock (mostly), 50% off!",
        "我住在东京。",
        "👩‍👩‍👧 family",
    ):
        assert plain(text) == text


def test_a_long_statement_is_clipped() -> None:
    assert len(plain("word " * 400)) <= 300


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(min_size=1, max_size=400).filter(lambda text: text.strip() != ""), unique=True, max_size=25
    ),
    st.integers(0, 900),
)
def test_the_budget_is_kept(statements: list[str], budget: int) -> None:
    facts = tuple(stored(statement, message=str(at)) for at, statement in enumerate(statements))
    body = memory_body(Digest(facts), budget)
    assert estimate_tokens(body) <= budget
    assert body == memory_body(Digest(facts[::-1]), budget)
    assert len(re.findall(r"^## ", body, re.MULTILINE)) == len(
        set(re.findall(r"^## .*$", body, re.MULTILINE))
    )
    if budget >= 30 * len(facts) + 450:
        assert body.count("[f:") >= min(len(facts), 1)


@pytest.mark.parametrize(
    ("statement", "said", "since", "notes"),
    [
        (
            "I'm flying to Oslo next May.",
            "2023-11-02",
            date(2024, 5, 1),
            "(said 2023-11, planned for 2024-05)",
        ),
        ("I quit last year.", "2023-11-02", date(2022, 1, 1), "(said 2023-11, in 2022)"),
        ("My exam is on 15 May 2024.", "2024-03-02", date(2024, 5, 15), "(2024-03, planned for 2024-05)"),
        ("I moved in 2021.", "2023-11-02", date(2021, 1, 1), "(2023-11)"),
        ("I'm flying to Oslo next week.", "2023-11-02", None, "(said 2023-11)"),
        ("My last name is May.", "2023-11-02", None, "(2023-11)"),
    ],
)
def test_a_day_that_words_leave_open_is_told(
    statement: str, said: str, since: date | None, notes: str
) -> None:
    assert notes_on(stored(statement, said, category=Category.DATES, valid_from=since)) == notes
