"""Lines for people fit the terminal, and break between words."""

from __future__ import annotations

import io

import pytest

from soulprint.blocks import block, fitted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_block_is_a_head_and_what_is_below_it_without_what_is_empty() -> None:
    assert block("head", "", "one two three", width=40) == "head\n  one two three"
    words = block("head " * 12, "detail " * 12, width=40)
    assert all(len(line) <= 40 for line in words.splitlines())
    assert words.split() == ["head"] * 12 + ["detail"] * 12


def test_what_is_to_be_copied_is_not_broken() -> None:
    path = "/a/very-long/" * 8
    assert path in block("head", f"written to {path}", width=40)


def test_a_terminal_gets_wrapped_lines_and_a_program_whole_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = "word " * 30 + "end"
    assert fitted(text, io.StringIO()) == text
    lines = fitted(text, Terminal()).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("  word")
    assert lines[-1].endswith("end")


def test_a_piece_is_one_line_whatever_it_holds() -> None:
    told = block("head\nsoulprint: forged", "a\u2028b\x85c\x1b[2J")
    assert told == "head soulprint: forged\n  a b c\ufffd[2J"
    assert fitted(told, Terminal()) is told
