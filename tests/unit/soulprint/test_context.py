"""A quote in its context."""

from __future__ import annotations

from soulprint.context import CONTEXT_CHARS, in_context, on_one_line, printable


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


def test_nothing_shown_can_command_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\nd\te\x9b") == "a\ufffd[2Jb\ufffdc\nd\te\ufffd"


def test_a_title_cannot_be_a_line_of_its_own() -> None:
    told = on_one_line("Eve\r\n98c25fb5  2024-05-01\u2028beliefs\x85I lie\u202e.")
    assert told == "Eve 98c25fb5 2024-05-01 beliefs I lie\ufffd."
