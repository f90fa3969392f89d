"""Lines for people, which any terminal can show: rows of a list as blocks, messages wrapped between words."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TextIO

INDENT = "  "
NARROWEST = 40
"""A terminal says less at times, where there is none."""


def block(head: str, *details: str, width: int | None = None) -> str:
    """`head` and, indented below it, each of `details`, wrapped to the terminal; without what is empty."""
    columns = max(NARROWEST, width or shutil.get_terminal_size().columns)
    lines: list[str] = []
    for text, indent in ((head, ""), *((detail, INDENT) for detail in details)):
        lines += textwrap.wrap(
            text,
            columns,
            initial_indent=indent,
            subsequent_indent=INDENT,
            break_on_hyphens=False,
            break_long_words=False,  # a path is to be copied
        )
    return "\n".join(lines)


def fitted(text: str, stream: TextIO | None = None) -> str:
    """`text` with its lines wrapped where `stream`, standard output if none, is a terminal; elsewhere whole,
    for programs."""
    if not (stream or sys.stdout).isatty():
        return text
    return "\n".join(block(line) for line in text.splitlines())
