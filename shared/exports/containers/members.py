"""What an export consists of: the members that could hold conversations, and what was refused."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from shared.domain.errors import UnreadableExportError
from shared.exports.containers.guard import Account, Budget, GuardedStream, Packed, Position, Readable
from shared.exports.conversation import ReadLimits

SNIFF_BYTES = 512
"""Bytes by which a member's kind is told."""

_CSV = re.compile(rb'"?[A-Za-z][\w ]*"?(?:,"?[A-Za-z][\w ]*"?){2,}\r?\n')
"""A header row of three columns or more."""
_JSON_NAMES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a member could not be read, or could not be read on; what came before counts."""

    file: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """An opened member: its bytes, how far it was read where that is not their count (`.gz`), and what it is
    unpacked from."""

    stream: Readable
    position: Position | None = None
    packed: Packed | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the export that could hold conversations."""

    name: str
    """Path as reports show it: `outer.zip/inner.zip/conversations.json`."""
    identity: Callable[[], str]
    """Equal exactly for equal content, as far as can be told cheaply."""
    size: int
    """Bytes to read; for `.gz` compressed ones."""
    open: Callable[[Budget, Account], Source]
    """Told from which account bytes go that are unpacked on the way."""
    expansion: float = 0.0
    """Declared bytes for one byte of the file that it lies in; 0 where unknown or of no concern."""
    is_empty: bool = False
    """Whether its beginning shows that it holds no conversation, which is no fault of it."""

    def guarded(self, budget: Budget, limits: ReadLimits, look: bool = False) -> GuardedStream:
        """The member opened anew, be it only for a `look` at its beginning. Raises what opening raises."""
        account = budget.looks if look else budget
        source = self.open(budget, account)
        return GuardedStream(source.stream, self.name, account, limits.ratio, source.packed, source.position)


@dataclass(slots=True)
class Findings:
    """What walking an export gathers. `opened` closes all archives and temporary files."""

    limits: ReadLimits
    opened: ExitStack
    budget: Budget
    members: list[Member] = field(default_factory=list)
    refused: list[Break] = field(default_factory=list)
    entries: int = 0
    """Of all archives and folders, wanted or not."""
    archives: int = 0
    """That are kept open."""
    _spool: BinaryIO | None = None

    def count(self, container: str) -> None:
        """Count an entry of `container`. Raises UnreadableExportError beyond the cap."""
        self.entries += 1
        if self.entries > self.limits.members:
            raise too_many(container, self.limits.members)

    def add(self, member: Member) -> None:
        """Keep a member. Raises UnreadableExportError beyond the cap."""
        self.members.append(member)
        if len(self.members) > self.limits.texts:
            raise UnreadableExportError(
                f"{member.name.partition('/')[0]} holds more than {self.limits.texts} files of text, "
                "which is more than any chat export"
            )

    def require_looks(self, name: str) -> None:
        """Raise UnreadableExportError where so much was looked at that no more may be."""
        if self.budget.looks.left < 0:
            raise UnreadableExportError(
                f"{name}: the beginnings of the files up to this one hold more than "
                f"{self.budget.looks.total} bytes; give only the files with conversations"
            )

    def spool(self) -> BinaryIO:
        """The temporary file that holds copies of archives in archives, one behind another."""
        if self._spool is None:
            spool = tempfile.TemporaryFile()  # noqa: SIM115  closed with the export
            self._spool = cast(BinaryIO, self.opened.enter_context(spool))
        return self._spool

    def refuse_kind(self, name: str, kind: str) -> None:
        """Note a member that is neither JSON nor HTML where its name or its encoding shows it should be."""
        if kind == "utf-16" and not name.lower().endswith(".csv"):
            self.refuse(name, "it is UTF-16; save it as UTF-8", "byte 0")
        elif name.lower().endswith(_JSON_NAMES):
            self.refuse(name, "it does not begin like JSON: it is damaged or something else", "byte 0")

    def refuse(self, name: str, reason: str, place: str = "its name") -> None:
        self.refused.append(Break(name, place, reason))


def too_many(name: str, cap: int) -> UnreadableExportError:
    """For a container, or an export, with more entries than the cap."""
    return UnreadableExportError(f"{name} has more than {cap} entries, which is more than any chat export")


def kind_of(beginning: bytes) -> str:
    """`zip`, `gz`, `text` (JSON or HTML by its first character, CSV by its header row) or `other`."""
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if beginning.startswith(b"\x1f\x8b"):
        return "gz"
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"[", b"<") or (beginning and not text) or _CSV.match(text):
        return "text"
    return "other"
