"""Every error SoulPrint raises on purpose. A message says what happened, where, and what to do.

Messages may hold ids, sizes, counts, offsets, file names and hashes; never a person's text.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from shared.domain.events import Usage


class SoulprintError(Exception):
    """Base of all errors below. `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(SoulprintError):
    """The command or a setting is wrong; nothing was started."""

    exit_code = 2


class UnreadableExportError(SoulprintError):
    """The export cannot be read at all: not an export, empty, encrypted, over a cap. Nothing was stored."""

    exit_code = 2


class DiskFullError(SoulprintError):
    """There is no room for what has to be written. Free some space, then run again."""


class BrokenExportError(SoulprintError):
    """The export breaks in the middle. What came before the break counts.

    `member` is the file (inside the archive) and `place` where in it, as the parser tells it.
    """

    def __init__(self, member: str, place: str, reason: str) -> None:
        super().__init__(f"{member} breaks at {place}: {reason}")
        self.member = member
        self.place = place
        self.reason = reason


class NotFoundError(SoulprintError):
    """What was asked for is not there: the user has no memory yet, or no fact has this id."""


class StoreError(SoulprintError):
    """The database refused or cannot be reached.

    `sqlstate` is the five characters the database gave, None where it gave none or was not reached.
    """

    def __init__(self, message: str, *, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class UnansweredError(StoreError):
    """The database gave no answer in time: it is out of reach or overloaded, or this is too much for it."""


class UnreadableAnswerError(StoreError):
    """The database answered in another form than this SoulPrint knows: all of it, or one damaged row."""


class SourceError(StoreError):
    """The source of an import can never be read: not allowed, not there, too large."""


class ClosedSourceError(SourceError):
    """The source may not be read as the services are set up: nothing is said of the export."""


class ForeignSourceError(SourceError):
    """The source of an import is not for its user to name: another's, or a place that is not open to them."""


class UnknownRunError(StoreError):
    """An event speaks of a run that the store does not know, or knows as another user's."""


class MigrationError(StoreError):
    """The schema cannot be brought up to date; nothing was changed by the failed migration."""


class ConflictError(MigrationError):
    """The database holds things that SoulPrint cannot stand beside; nothing was changed. `conflicts` names
    each, with what it needs to be."""

    exit_code = 2

    def __init__(self, conflicts: Sequence[str]) -> None:
        self.summary = (
            f"migrate: {len(conflicts)} conflicts with what this database holds; nothing was changed"
        )
        super().__init__("\n".join((self.summary, *conflicts)), sqlstate="42P16")
        self.conflicts = tuple(conflicts)


class BusyError(SoulprintError):
    """Another run for the same user holds the lock. Wait for it, then run again."""


class ModelError(SoulprintError):
    """A model could not answer for one chunk; the chunk is dead, with this reason.

    `usage` is what the attempts cost all the same; None: there were none.
    """

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage


class ModelUnavailableError(SoulprintError):
    """The model cannot be used now: no key, no credit, a wrong model name, a provider that is down.

    No chunk is to blame and none is dead; the same command goes on later from where it stopped.
    """


class CostLimitError(SoulprintError):
    """The next call could pass the limit set on cost. What was done is kept."""


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether a file could not be written for want of room, on the disk or in a quota."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def system_reason(error: OSError) -> str:
    """Why the system refused, in the system's own words for its number: what `strerror` says may be
    anybody's, with a path or an address in it."""
    if is_disk_full(error):
        return "the disk is full"
    number = error.errno
    return os.strerror(number) if number is not None and number in errno.errorcode else type(error).__name__
