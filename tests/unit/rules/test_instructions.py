"""Custom instructions: every sentence is a standing instruction or a fact about the person."""

from __future__ import annotations

from tests.unit.rules.said_support import facts, statements


def test_each_sentence_counts() -> None:
    text = "I'm a nurse in Leeds. Be concise and direct.\n- No small talk\nMy tone is dry"
    found = {fact.statement: fact.category for fact in facts(text, custom=True)}
    assert found == {
        "I'm a nurse in Leeds.": "projects",
        "Be concise and direct.": "preferences",
        "No small talk.": "preferences",
        "My tone is dry.": "beliefs",
    }


def test_wrappers_questions_and_single_words_do_not_count() -> None:
    text = (
        "The user provided the following information about themselves:\n"
        "What would you like the assistant to know about you?\n"
        "ok\n"
        "Is that fine?\n"
    )
    assert facts(text, custom=True) == []


def test_the_same_words_in_a_message_are_a_passing_request() -> None:
    assert statements("Be concise and direct.") == []


def test_a_line_of_marks_alone_says_nothing() -> None:
    assert statements("I live in\n: ;\n*** ---", custom=True) == ["I live in."]
