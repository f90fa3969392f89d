"""Colour where standard output is a terminal that shows it, and nowhere else."""

from __future__ import annotations

import os
import sys

import typer

from soulprint.canary.bars import Paint, plain


def paint_of() -> Paint:
    """What paints: nothing where output is piped, or NO_COLOR asks for none."""
    return _coloured if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else plain


def _coloured(text: str, colour: str) -> str:
    return typer.style(text, fg=colour)
