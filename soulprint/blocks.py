"""Lines for people, which any terminal can show: rows of a list as blocks, messages wrapped between words."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TextIO

from shared.domain.printable import unbroken

INDENT = "  "
NARROWEST = 40
"""A terminal says less at times, where there is none."""


class Lines(str):
    """Lines that were laid out here. Its line ends are ours: each piece of it was one line before."""

    __slots__ = ()


def block(head: str, *details: str, width: int | None = None) -> Lines:
    """`head` and, indented below it, each of `details`, wrapped to the terminal; without what is empty. Each
    is one line before, whatever it holds."""
    columns = max(NARROWEST, width or shutil.get_terminal_size().columns)
    lines: list[str] = []
    for text, indent in ((head, ""), *((detail, INDENT) for detail in details)):
        lines += textwrap.wrap(
            unbroken(text),
            columns,
            initial_indent=indent,
            subsequent_indent=INDENT,
            break_on_hyphens=False,
            break_long_words=False,  # a path is to be copied
        )
    return Lines("\n".join(lines))


def fitted(line: str, stream: TextIO | None = None) -> str:
    """`line` wrapped where `stream`, standard output if none, is a terminal; for programs it stays whole."""
    return block(line) if (stream or sys.stdout).isatty() and not isinstance(line, Lines) else line
