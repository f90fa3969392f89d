"""A conversation as every format yields it: its visible path and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["user", "assistant"]


@dataclass(slots=True)
class Turn:
    """One visible message, whole. `text` is repaired (`shared.domain.text.repair`) and not blank."""

    id: str
    role: Role
    text: str
    created_at: float | None = None
    """Unix seconds, UTC; None where the export has none or it is not plausible."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a vendor, as an export shows it."""

    vendor: str
    """A format's name."""
    id: str = ""
    """The vendor's own id of it, which is personal: it is hashed before it is kept. Empty: none is told."""


@dataclass(slots=True)
class Conversation:
    """One conversation: the turns of its visible path in path order, never sorted by time."""

    id: str
    title: str
    turns: list[Turn]
    created_at: float | None = None
    updated_at: float | None = None
    """The latest wins among duplicates of an id."""
    custom_instructions: str | None = None
    """The person's standing instructions as this conversation repeats them."""
    lost: tuple[str, ...] = ()
    """Why, for each message that may be the person's and is in no turn though nothing explains it (an edit,
    a regeneration, a hidden message): see `lost.py`. Never a person's words."""
    account: Account | None = field(default=None, compare=False)
    """Whose it is. A format sets it where the conversation says so; `Export` completes it."""


@dataclass(slots=True)
class Rejected:
    """A conversation that cannot be read. Skipped, counted, named in the report."""

    id: str
    """Its id where one could be read, else `member#position`."""
    reason: str
    account: Account | None = field(default=None, compare=False)


@dataclass(slots=True)
class LeftOut:
    """A conversation left out at the person's wish (`is_do_not_remember`). Counted, never stored; what an
    older version or an earlier import left of it is forgotten."""

    id: str
    updated_at: float | None = None
    account: Account | None = field(default=None, compare=False)


@dataclass(slots=True)
class PassedOver:
    """A record that is no conversation, though it stands among them: another product's, feedback. Counted."""

    what: str
    """What it is, in words of ours."""


Parsed = Conversation | Rejected | LeftOut | PassedOver
"""What a format yields for each object of its list. A conversation without turns counts as empty."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Caps on untrusted input. Over one of them is an error that names the place, never a crash."""

    conversation_bytes: int = 32 * 1024**2
    """Raw JSON bytes of one conversation; a larger one is rejected and the file goes on."""
    conversation_memory: int = 192 * 1024**2
    """Bytes that it may take once it is parsed: `[[],[],...` takes thirty times what it is."""
    text_memory: int = 32 * 1024**2
    """Bytes that one text of it may take: with one emoji in it, each of its characters takes four."""
    total_bytes: int = 64 * 1024**3
    """Decompressed bytes of all members read."""
    ratio: int = 200
    """Decompressed bytes for one compressed byte of a member over 1 MiB."""
    nesting: int = 3
    """How deep archives may lie in archives."""
    archives: int = 256
    """Archives of a folder: each is a file that stays open."""
    members: int = 100_000
    """Entries of an export: of its folders, its archives and the archives in them together."""
    texts: int = 50_000
    """Those among them that could hold conversations: each is looked at, and kept in mind."""
    heads_bytes: int = 128 * 1024**2
    """Bytes of their beginnings that are looked at."""
    messages: int = 200_000
    """Messages of one conversation."""
    conversations: int = 200_000
    """Conversations of an export: of each a little is kept, so that a newer version of it is known."""
