"""How an ended run is told: by an exit code, and in words. The same for `run`, `status` and reports."""

from __future__ import annotations

from uuid import UUID

from shared.domain.plurals import counted
from shared.domain.runs import RunKey
from shared.store.runs import COMPLETE, UNSERVED, Unserved

FAILED = 1
BROKEN = 3
"""Exit code of a complete run whose export breaks: the memory is of what could be read."""
NOT_SERVED = 4
"""Exit code of a complete run whose memory is not served."""


def exit_code(state: str, breaks: int) -> int:
    """What a command ends with for a run that ended so, of an export with so many breaks."""
    if state == COMPLETE:
        return BROKEN if breaks else 0
    return NOT_SERVED if state == UNSERVED else FAILED


def heading(state: str, breaks: int) -> str:
    """The state, for the beginning of a line."""
    if state == UNSERVED:
        return "not served"
    return f"{state}, of what could be read" if breaks and state == COMPLETE else state


def broken(breaks: int) -> str:
    """What it means that the export breaks; empty where it does not."""
    if not breaks:
        return ""
    return f"the export breaks in {counted(breaks, 'place')}: what comes after is missing"


def why_unserved(unserved: Unserved | None, import_id: UUID | str, served: RunKey | None = None) -> str:
    """Why the memory is not served, and what to do; empty where it is. `served`: whose memory is."""
    whose = f" (import {served.import_id} run {served.run})" if served else ""
    if unserved == "older":
        return f"a memory that was requested later is served{whose}"
    if unserved == "smaller":
        return (
            f"it would lose much of the memory that is served{whose}, and is kept beside it. "
            f"To serve it all the same: soulprint accept {import_id}"
        )
    if unserved == "outdone":
        return f"it has sections and no memory, and better sections are served{whose}"
    if unserved == "held":
        return (
            "the replay came out much worse than the run that it was to replace, and is kept beside what is "
            f"served{whose}. To serve it all the same: soulprint accept {import_id}"
        )
    if unserved == "shadow":
        return "it is a shadow run, to be compared: nothing of it is served"
    return ""
