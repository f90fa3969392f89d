"""Rows of a list as blocks of lines, which any terminal can show: a head, and what there is to say below."""

from __future__ import annotations

import textwrap

from rich.console import Console

INDENT = "  "
NARROWEST = 40
"""A terminal says less at times, where there is none."""


def block(head: str, *details: str, width: int | None = None) -> str:
    """`head` and, indented below it, each of `details`, wrapped to the terminal; without what is empty."""
    columns = max(NARROWEST, width or Console().width)
    lines: list[str] = []
    for text, indent in ((head, ""), *((detail, INDENT) for detail in details)):
        lines += textwrap.wrap(
            text, columns, initial_indent=indent, subsequent_indent=INDENT, break_on_hyphens=False
        )
    return "\n".join(lines)
