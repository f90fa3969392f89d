"""Sections as fields: what they take, what they make of it, and how what was a text is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.documents import markdown
from shared.domain.events import Sections
from shared.domain.markdown import visible
from shared.domain.sections import (
    BARE,
    KINDS,
    LINE_CHARS,
    LINES,
    TEXT_CHARS,
    Line,
    Section,
    Soul,
    Tools,
    User,
    is_known,
)
from tests.support.records import memory_of
from tests.support.sections import APP, sections

NOTHING = [
    "",
    " \n ",
    "Unknown",
    "N/A",
    "n/a.",
    "not enough data",
    "Not enough data to tell.",
    "None",
    "- ",
    "(unknown)",
]


def test_the_fields_are_those_of_the_app_in_its_order() -> None:
    assert {name: list(kind.fields()) for name, kind in KINDS.items()} == {
        name: list(fields) for name, fields in APP.items()
    }
    for name, kind in KINDS.items():
        assert {field: kind.is_list(field) for field in kind.fields()} == {
            field: of is list for field, of in APP[name].items()
        }
    assert list(Sections.model_fields) == list(KINDS)


@given(sections())
def test_a_section_comes_back_from_json_as_it_was(section: Section) -> None:
    assert type(section).model_validate_json(section.model_dump_json()) == section
    assert type(section).model_validate(section.model_dump()) == section


@given(st.lists(st.text(max_size=40), max_size=5))
def test_a_line_says_what_it_rests_on_and_no_other_does(texts: list[str]) -> None:
    told = [Line(text, (f"{at:08x}",)) for at, text in enumerate(texts)]
    kept = [Line(seen, line.facts) for line in told if is_known(seen := visible(line.text))]
    assert User.of({"interests": told}).lines("interests") == kept
    assert Soul.of({"boundaries": told}).lines("boundaries") == kept


@pytest.mark.parametrize("words", NOTHING)
def test_words_for_not_knowing_are_empty(words: str) -> None:
    assert User(location=words, interests=(words, "trains", words)) == User(interests=("trains",))
    assert User.of({"location": [Line(words)], "interests": [Line(words)]}) == User()


@pytest.mark.parametrize(
    "words", ["No data science for me.", "None of the above, ever.", "Not sure of herself", "😀"]
)
def test_what_only_begins_so_is_kept(words: str) -> None:
    assert User(location=words).location == words


def test_nothing_invisible_gets_in() -> None:
    hidden = "I live\x00 in \u202ePorto\u200b\x1b[31m.\r\n\nAnd\u2028sing\U000e0041."
    assert User(life_context=hidden).life_context == "I live in Porto[31m.\nAnd sing."
    assert User(interests=(hidden,)).interests == ("I live in Porto[31m. And sing.",)


def test_what_is_made_is_within_bounds_and_what_is_read_must_be() -> None:
    long = [Line("x" * 2000, ("0" * 8,))] * 1000
    made = User.of({"interests": long, "life_context": long})
    assert (len(made.interests), len(made.interests[0])) == (99, LINE_CHARS)
    assert len(made.life_context) <= TEXT_CHARS
    assert len(made.lines("interests")[0].facts) == 1
    assert len(User.of({"interests": [Line("x")] * 1000}).interests) == LINES
    assert User.model_validate(made.model_dump()) == made
    bad: tuple[dict[str, Any], ...] = (
        {"life_context": "x" * (TEXT_CHARS + 1)},
        {"interests": ["x" * (LINE_CHARS + 1)]},
        {"interests": ["x"] * (LINES + 1)},
        {"interests": "trains"},
        {"location": ["Porto"]},
        {"references": {"location": [["not an id"]]}},
    )
    for fields in bad:
        with pytest.raises(ValidationError):
            User.model_validate(fields)


def test_what_is_bare_is_one_short_line() -> None:
    names = [Line("n/a"), Line("Nora " * 100, ("0" * 8,)), Line("Quigley")]
    user = User.of({"name": names})
    (line,) = user.lines("name")
    assert line.text.startswith("Nora Nora")
    assert (len(line.text), line.facts) == (200, ("0" * 8,))
    assert {field for kind in KINDS.values() for field in kind.fields()} >= BARE


def test_references_that_do_not_fit_the_lines_are_not_believed() -> None:
    one = ((("0" * 8),),)
    section = User(
        interests=("trains", "boats"), location="Porto", references={"interests": one, "location": one}
    )
    assert section.lines("interests") == [Line("trains"), Line("boats")]
    assert section.lines("location") == [Line("Porto", ("0" * 8,))]
    assert section.lines("name") == []


EARLIER = """# Tools

What the person you work with uses. Notes, not instructions.

## In use

- I use Helix, \\_now\\_, with \\[a\\] link. (2025-07) [f:3c98ecd8] [f:3636c181]
- Shows python code in 6 of the 60 richest conversations.
"""


def test_a_section_of_before_its_fields_is_read_line_by_line() -> None:
    tools = Tools.model_validate(EARLIER)
    assert tools == Tools(
        likely_usage=(
            "I use Helix, _now_, with [a] link. (2025-07)",
            "Shows python code in 6 of the 60 richest conversations.",
        ),
        references={"likely_usage": (("3c98ecd8", "3636c181"), ())},
    )
    told = [line for line in EARLIER.splitlines() if line.startswith("- ")]
    assert [line for line in markdown(tools).splitlines() if line.startswith("- ")] == told


@pytest.mark.parametrize("kind", KINDS.values())
def test_any_earlier_text_is_read_and_none_stays_none(kind: type[Section]) -> None:
    assert kind.model_validate("") == kind()
    assert kind.model_validate("plain words\n\nof two lines").lines(kind.rest) == [
        Line("plain words"),
        Line("of two lines"),
    ]
    assert kind.model_validate("- x [f:zz]\n" * 2000).fields() == kind.fields()
    read = Sections.model_validate_json('{"soul": "# Soul\\n\\n- Kind.\\n", "user": null, "tools": ""}')
    assert read == Sections(soul=Soul(communication_style="Kind."), user=None)


def test_the_weight_of_a_memory_is_no_less_than_its_json() -> None:
    long = [Line("x" * 900, ("0" * 8,) * 4)] * 100
    memory = memory_of(sections=Sections(user=User.of({"interests": long, "life_context": long})))
    assert memory.weight >= len(memory.model_dump_json()) > 150_000
