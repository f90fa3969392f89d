"""The offline sections say only what facts or the sample support."""

from __future__ import annotations

import pytest

from shared.domain.documents import OPENINGS, documents_of, markdown
from shared.domain.events import Sections
from shared.domain.facts import Category, FactStatus, SettledFact, SourceKind
from shared.domain.sample import SampleConversation
from shared.domain.sections import Agents, Identity, Line, Soul, User
from shared.models.base import Digest
from shared.models.writer.sections import write_sections
from shared.models.writer.voice import measure
from tests.unit.consolidator.building import stored


def sample(*conversations: tuple[str, ...]) -> list[SampleConversation]:
    return [
        SampleConversation(f"c{at}", "", None, sum(map(len, texts)), texts)
        for at, texts in enumerate(conversations)
    ]


def test_nothing_gives_nothing() -> None:
    assert write_sections(Digest(()), []) == Sections()
    assert write_sections(Digest(()), sample((), ("",), ("  ",))) == Sections()


def test_each_section_says_whose_words_it_holds() -> None:
    facts = [
        stored("I live in Porto."),
        stored("I use Neovim."),
        stored("Always answer in French."),
        stored("I believe that honesty matters.", category=Category.BELIEFS),
        stored("You are my French tutor.", category=Category.PREFERENCES),
    ]
    sections = write_sections(Digest(tuple(facts)), [])
    for name, section in sections.each():
        assert section is not None
        text = markdown(section)
        if text:
            assert text.startswith(f"# {name.capitalize()}\n\n{OPENINGS[name]}\n\n## "), name
            assert 'Where a line says "I" or "my", the person speaks, not you' in text
    assert sections.user != User()
    assert sections.agents != Agents()
    assert sections.soul != Soul()


def test_two_conversations_are_no_habit() -> None:
    sections = write_sections(Digest(()), sample(("Please help", "thanks"), ("please", "lol")))
    assert sections == Sections()


def test_each_fact_stands_in_its_section_with_its_reference() -> None:
    home = stored("I live in Porto.")
    tool = stored("I use Neovim.")
    asked = stored("Always answer in French.")
    value = stored("I believe that honesty matters.", category=Category.BELIEFS)
    past = stored("I live in Lisbon.").model_copy(
        update={"status": FactStatus.SUPERSEDED, "superseded_by": home.id}
    )
    sections = write_sections(Digest((home, tool, asked, value, past)), [])
    texts = documents_of(sections)["markdown"]
    for name, fact in (("user", home), ("tools", tool), ("agents", asked)):
        assert f"- {fact.statement} (2022-05) [f:{fact.id.hex[:8]}]" in (texts[name] or "")
    assert f"- Says “{value.statement}” (2022-05) [f:{value.id.hex[:8]}]" in (texts["soul"] or "")
    assert "Lisbon" not in sections.model_dump_json()
    assert sections.identity == Identity()


STATEMENTS = {
    "My name is Nora Quigley.": ("user", "name", "Nora Quigley"),
    "Please call me Ms Q.": ("user", "preferred_address", "Ms Q"),
    "I live in Porto.": ("user", "location", "I live in Porto. (2022-05)"),
    "We rent a flat in Leeds.": ("user", "location", "We rent a flat in Leeds. (2022-05)"),
    "We're buying a flat.": ("user", "life_context", "We're buying a flat. (2022-05)"),
    "I work as a nurse.": ("user", "occupation", "I work as a nurse. (2022-05)"),
    "My sister Aoife lives in Toronto.": (
        "user",
        "relationships",
        "My sister Aoife lives in Toronto. (2022-05)",
    ),
    "I love trains.": ("user", "interests", "I love trains. (2022-05)"),
    "I'm allergic to penicillin.": ("user", "life_context", "I'm allergic to penicillin. (2022-05)"),
    "Be brief.": ("agents", "response_style", "Be brief. (2022-05)"),
    "Always show me the code first.": (
        "agents",
        "behavioral_rules",
        "Always show me the code first. (2022-05)",
    ),
    "Never use emojis.": ("agents", "do_not", "Never use emojis. (2022-05)"),
    "Always remember that you write for me.": (
        "agents",
        "memory_directives",
        "Always remember that you write for me. (2022-05)",
    ),
    "You are my French tutor.": ("identity", "archetype", "French tutor"),
    "Be blunt with me.": ("identity", "vibe", "Be blunt with me. (2022-05)"),
    "Your name is Bert.": ("identity", "ai_name", "Bert"),
    "I use Neovim.": ("tools", "likely_usage", "I use Neovim. (2022-05)"),
}
"""A statement, and where it stands, and how."""


def told_to(statement: str) -> SettledFact:
    """A fact; what is said to the assistant is of the custom instructions."""
    asked = statement.startswith("You")
    kind = SourceKind.CUSTOM_INSTRUCTIONS if asked else SourceKind.CONVERSATION
    return stored(statement).model_copy(update={"source_kind": kind})


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_stands_in_the_field_that_fits(statement: str) -> None:
    name, field, told = STATEMENTS[statement]
    fact = told_to(statement)
    section = getattr(write_sections(Digest((fact,)), []), name)
    assert section.lines(field) == [Line(told, (fact.id.hex[:8],))]


def test_no_statement_is_lost_or_told_twice() -> None:
    facts = [told_to(statement) for statement in STATEMENTS]
    sections = write_sections(Digest(tuple(facts)), [])
    told = [
        line.facts[0]
        for _, section in sections.each()
        if section is not None
        for field in section.fields()
        if (section.title(), field) not in {("user", "preferred_address"), ("identity", "archetype")}
        for line in section.lines(field)
    ]
    assert sorted(told) == sorted(fact.id.hex[:8] for fact in facts)


def test_habits_are_told_with_their_figures() -> None:
    polite = [("hi, could you explain this please?", "thanks 🙂")] * 4
    curt = [("fix this function\n```python\nx = 1\n```",)] * 6
    sections = write_sections(Digest(()), sample(*polite, *curt))
    texts = documents_of(sections)["markdown"]
    soul, identity, tools = texts["soul"] or "", texts["identity"] or "", texts["tools"] or ""
    told = "- Courteous: greets, says please and says thanks (in 4, 4 and 4 of the 10 richest conversations)."
    assert told in soul
    assert "- Uses emoji in 4 of the 10 richest conversations." in soul
    told = "- Turns to it most to write and mend code and explain things (in 6 and 4 of the 10 richest conver"
    assert told in identity
    assert "- Shows python code in 6 of the 10 richest conversations." in tools
    assert (sections.user, sections.agents) == (User(), Agents())


def test_what_is_neither_this_nor_that_is_not_told() -> None:
    plain = [("How does a heat pump work in a cold house, and what does it need in winter to be worth it?",)]
    known = Digest((stored("I live in Porto."),))
    sections = write_sections(known, sample(*plain * 6))
    assert sections.soul == Soul()
    assert sections.agents == Agents()


def test_while_nothing_else_is_known_a_middling_length_is_told() -> None:
    plain = [("How does a heat pump work in a cold house, and what does it need in winter to be worth it?",)]
    soul = write_sections(Digest(()), sample(*plain * 6)).soul
    assert soul is not None
    assert soul.communication_style.startswith("Writes messages of middling length: half of 6")


def test_humour_and_small_letters_are_told() -> None:
    soul = write_sections(Digest(()), sample(*[("haha ok so why does it do that", "lol")] * 6)).soul
    assert soul is not None
    assert soul.humor_style == "Laughs in writing in 6 of the 6 richest conversations."
    assert (
        "Casual spelling: 12 of 12 messages begin with a small letter and 12 of 12 end"
        in soul.formality_level
    )


def test_beliefs_are_quoted_and_fragments_are_not() -> None:
    facts = [
        stored("I believe that honesty matters.", category=Category.BELIEFS),
        stored("I vote Green at every election.", category=Category.BELIEFS),
        stored("I am opinionated.", category=Category.BELIEFS),
    ]
    soul = write_sections(Digest(tuple(facts)), []).soul
    assert soul is not None
    assert [line.split("”")[0] for line in soul.personality_traits] == [
        "Says “I believe that honesty matters.",
        "Says “I vote Green at every election.",
    ]


def test_a_role_is_told_when_asked_for_twice() -> None:
    asked = [("Act as a patient French tutor. Correct me.",)] * 2
    other = [("You are an idiot.",)] * 3
    assert measure(sample(*asked, *other)).roles == {"patient french tutor": 2}
    identity = write_sections(Digest(()), sample(*asked, *other)).identity
    assert identity is not None
    assert identity.archetype == "patient french tutor"
    assert 'Asked to be "patient french tutor" in 2 of the 5' in identity.vibe


def test_other_languages_are_noticed() -> None:
    spanish = ("Hola, ¿puedes explicarme cómo funciona la memoria en un programa? Gracias por la ayuda",)
    voice = measure(sample(*[spanish] * 3, ("How does this work in the end, and why is it so slow?",)))
    assert voice.foreign == 3
    assert voice.conversations == 4
