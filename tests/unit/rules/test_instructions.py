"""Custom instructions: every sentence is a standing instruction or a fact about the person."""

from __future__ import annotations

from tests.unit.rules.said_support import facts, statements


def test_each_sentence_counts() -> None:
    text = "I'm a nurse in Leeds. Be concise and direct.\n- No small talk\nMy tone is dry"
    found = {fact.statement: fact.category for fact in facts(text, custom=True)}
    assert found == {
        "I'm a nurse in Leeds.": "beliefs",
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


def test_headings_are_no_facts() -> None:
    text = (
        "# About me\nI am a nurse in Leeds\n## Response style\n- Be concise\n**Tone**\nFriendly but direct\n"
        "Things To Avoid:\n- Bullet points\nTECH STACK\nPython and Rust\nOther Information\nI like jazz"
    )
    assert statements(text, custom=True) == [
        "I am a nurse in Leeds.",
        "Be concise.",
        "Friendly but direct.",
        "Bullet points.",
        "Python and Rust.",
        "I like jazz.",
    ]


def test_short_wishes_on_lines_of_their_own_are_no_headings() -> None:
    text = "No Small Talk\nUse Metric Units\nI Like Jazz\nmetric units\nShort answers"
    assert statements(text, custom=True) == [
        "No Small Talk.",
        "Use Metric Units.",
        "I Like Jazz.",
        "Metric units.",
        "Short answers.",
    ]


def test_a_field_is_told_as_a_sentence_and_quoted_as_it_stands() -> None:
    text = (
        "Preferred name: Emerson\nRole: Software Engineer\nOther Information: two cats, one dog. I like jazz"
    )
    assert [(fact.category, fact.statement, fact.quote) for fact in facts(text, custom=True)] == [
        ("beliefs", "My preferred name is Emerson.", "Preferred name: Emerson"),
        ("beliefs", "My role is Software Engineer.", "Role: Software Engineer"),
        ("beliefs", "Two cats, one dog.", "two cats, one dog"),
        ("preferences", "I like jazz.", "I like jazz"),
    ]
    assert statements("- **Hobbies**: hiking, chess\nAge: 34\nTone: friendly\nRole:", custom=True) == [
        "My hobbies are hiking, chess.",
        "My age is 34.",
        "Tone: friendly.",
    ]


def test_an_order_is_no_value_of_a_field() -> None:
    found = facts(
        "Tools: never suggest Java\nGoals: always give me short answers\nTools: Python", custom=True
    )
    assert [(fact.category, fact.statement) for fact in found] == [
        ("preferences", "Never suggest Java."),
        ("preferences", "Always give me short answers."),
        ("beliefs", "My tools are Python."),
    ]


def test_sentences_without_a_space_between_them_are_two() -> None:
    assert statements("I am a nurse.I live in Leeds!Be concise.", custom=True) == [
        "I am a nurse.",
        "I live in Leeds.",
        "Be concise.",
    ]
    assert statements("I work as a nurse.I live in Leeds.") == ["I work as a nurse.", "I live in Leeds."]
    assert statements("I use Node.js and ASP.Net at work.") == ["I use Node.js and ASP.Net at work."]
