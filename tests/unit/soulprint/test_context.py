"""A quote in its context."""

from __future__ import annotations

from soulprint.context import CONTEXT_CHARS, in_context


def test_a_quote_is_shown_with_the_words_around_it() -> None:
    assert in_context("I sail", ["nothing", "User: On Sundays I sail, badly."]) == (
        "User: On Sundays ",
        "I sail",
        ", badly.",
    )


def test_long_contexts_are_clipped_and_say_so() -> None:
    before, _, after = in_context("I sail", [f"{'a' * 1000} I sail {'b' * 1000}"])
    assert (before[0], after[-1]) == ("…", "…")
    assert len(before) == len(after) == CONTEXT_CHARS + 1


def test_in_another_typography_the_paragraph_is_shown() -> None:
    assert in_context("I'm here", ["User: Well — I’m  here.\n\nAssistant: Hi"]) == (
        "",
        "User: Well — I’m  here.",
        "",
    )


def test_a_quote_that_is_gone_stands_alone() -> None:
    assert in_context("I sail", []) == ("", "I sail", "")
