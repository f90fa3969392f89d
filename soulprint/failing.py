"""How a command says why it ends: one line on standard error, by the door, and an exit code.

Of an error that nobody foresaw its class and its place are told, not its words: they could hold anything.
"""

from __future__ import annotations

from typing import Any

import typer

from shared.domain.errors import ConflictError, DiskFullError, SoulprintError, is_disk_full
from shared.domain.text import abridge
from shared.domain.told import first_of, way_of
from soulprint.terminal import fail, say

WRONG_USAGE = 2
LONGEST = 2000
"""Characters of what was typed wrong."""


def failed(error: Exception) -> int:
    """Say why, and answer the exit code."""
    if is_disk_full(error):
        error = DiskFullError("the disk is full; free some space and run again")
    if isinstance(error, ConflictError):
        fail(error.summary)
        say(*error.conflicts, err=True)
        return error.exit_code
    if isinstance(error, SoulprintError):
        fail(error)
        return error.exit_code
    if isinstance(error, typer.Abort):
        fail("stopped.")
        return 1
    if hasattr(error, "format_message"):  # what Typer raises has no name that all its versions know
        return _typed_wrong(error)
    fail(unforeseen(error))
    return 1


def _typed_wrong(error: Any) -> int:
    """An option or an argument that there is not."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ != "NoArgsIsHelpError":  # which has printed the help
        if context is not None:
            say(*context.get_usage().splitlines(), err=True)
            say(f"Try '{context.command_path} {context.help_option_names[0]}' for help.", err=True)
        fail(abridge(error.format_message(), LONGEST))
    return int(getattr(error, "exit_code", WRONG_USAGE))


def unforeseen(error: BaseException) -> str:
    """An error that is no SoulprintError, without its words."""
    where = " > ".join(way_of(error)) or "nobody knows where"
    return (
        f"this is a fault of SoulPrint: {type(first_of(error)).__name__}, {where}. What it was about is not "
        "shown, as it may be a person's words. Please report this line"
    )
