"""The offline sections say only what facts or the sample support."""

from __future__ import annotations

from shared.domain.events import Sections
from shared.domain.facts import Category, FactStatus
from shared.domain.sample import SampleConversation
from shared.models.base import Digest
from shared.models.section import OPENINGS
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
    for name, text in sections.model_dump().items():
        if text:
            assert text.startswith(f"# {name.capitalize()}\n\n{OPENINGS[name]}\n\n## "), name
            assert 'Where a line says "I" or "my", the person speaks, not you' in text
    assert sections.user
    assert sections.agents
    assert sections.soul


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
    for text, fact in (
        (sections.user, home),
        (sections.tools, tool),
        (sections.agents, asked),
        (sections.soul, value),
    ):
        assert f"- {fact.statement} (2022-05) [f:{fact.id.hex[:8]}]" in text
    assert "Lisbon" not in sections.model_dump_json()
    assert sections.identity == ""


def test_habits_are_told_with_their_figures() -> None:
    polite = [("hi, could you explain this please?", "thanks 🙂")] * 4
    curt = [("fix this function\n```python\nx = 1\n```",)] * 6
    sections = write_sections(Digest(()), sample(*polite, *curt))
    assert "- Greets in 4 of the 10 richest conversations." in sections.soul
    assert "- Says please in 4 of the 10 richest conversations." in sections.soul
    assert "- Uses emoji in 4 of the 10 richest conversations." in sections.soul
    assert "- Asked to write and mend code in 6 of the 10 richest conversations." in sections.identity
    assert "- Asked to explain things in 4 of the 10 richest conversations." in sections.identity
    assert "- Shows python code in 6 of the 10 richest conversations." in sections.tools
    assert sections.user == sections.agents == ""


def test_a_role_is_told_when_asked_for_twice() -> None:
    asked = [("Act as a patient French tutor. Correct me.",)] * 2
    other = [("You are an idiot.",)] * 3
    assert measure(sample(*asked, *other)).roles == {"patient french tutor": 2}
    assert (
        'Asked to be "patient french tutor" in 2 of the 5'
        in write_sections(Digest(()), sample(*asked, *other)).identity
    )


def test_other_languages_are_noticed() -> None:
    spanish = ("Hola, ¿puedes explicarme cómo funciona la memoria en un programa? Gracias por la ayuda",)
    voice = measure(sample(*[spanish] * 3, ("How does this work in the end, and why is it so slow?",)))
    assert voice.foreign == 3
    assert voice.conversations == 4
