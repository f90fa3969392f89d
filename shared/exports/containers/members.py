"""What an export consists of: the members that could hold conversations, and what was refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from shared.exports.containers.guard import Budget, GuardedStream, Position
from shared.exports.conversation import ReadLimits

SNIFF_BYTES = 512
"""Bytes by which a member's kind is told."""

_JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_NOT_TEXT = re.compile(
    r"\.(?:png|jpe?g|gif|webp|heic|bmp|ico|svg|tiff?|avif|mp[34]|m4[av]|wav|ogg|opus|webm|mov|avi|flac|aac"
    r"|pdf|docx?|xlsx?|pptx?|odt|ods|epub|jar|apk|whl|woff2?|ttf|otf|css|js|py|md|exe|dll|so|7z|rar)$",
    re.IGNORECASE,
)
"""Names not worth opening: media, documents, code that people sent along. All else is told by its bytes."""
_CSV = re.compile(rb'"?[A-Za-z][\w ]*"?(?:,"?[A-Za-z][\w ]*"?){2,}\r?\n')
"""A header row of three columns or more."""
_JSON_NAMES = (".json", ".jsonl", ".ndjson")
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\x00")
_NO_TEXT = re.compile("[\ud800-\udfff]")
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a member could not be read, or could not be read on; what came before counts."""

    file: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """An opened member: its bytes, and how far it was read where that is not their count (`.gz`)."""

    stream: BinaryIO
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the export that could hold conversations."""

    name: str
    """Path as reports show it: `outer.zip/inner.zip/conversations.json`."""
    identity: Callable[[], str]
    """Equal exactly for equal content, as far as can be told cheaply."""
    size: int
    """Bytes to read; for `.gz` compressed ones."""
    open: Callable[[], Source]
    expansion: float = 0.0
    """Declared bytes for one compressed byte; 0 where unknown or of no concern."""
    is_empty: bool = False
    """Whether its beginning shows that it holds no conversation, which is no fault of it."""

    def guarded(self, budget: Budget, limits: ReadLimits) -> GuardedStream:
        """The member opened anew. Raises what opening raises."""
        source = self.open()
        return GuardedStream(source.stream, self.name, budget, source.position, limits.ratio)


@dataclass(slots=True)
class Findings:
    """What walking an export gathers. `opened` closes all archives and temporary files."""

    limits: ReadLimits
    opened: ExitStack
    members: list[Member] = field(default_factory=list)
    refused: list[Break] = field(default_factory=list)
    spooled: int = 0
    """Bytes of inner archives copied to temporary files."""

    def refuse_kind(self, name: str, kind: str) -> None:
        """Note a member that is neither JSON nor HTML where its name or its encoding shows it should be."""
        if kind == "utf-16" and not name.lower().endswith(".csv"):
            self.refuse(name, "it is UTF-16; save it as UTF-8", "byte 0")
        elif name.lower().endswith(_JSON_NAMES):
            self.refuse(name, "it does not begin like JSON: it is damaged or something else", "byte 0")

    def refuse(self, name: str, reason: str, place: str = "its name") -> None:
        self.refused.append(Break(name, place, reason))


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


def is_wanted(name: str) -> bool:
    """Whether a member of this name is worth opening."""
    return _JUNK.search(name) is None and _NOT_TEXT.search(name) is None


def leads_outside(name: str) -> bool:
    """Whether `name` would, if unpacked, lie outside the folder: absolute, a drive, or with `..`."""
    return _OUTSIDE.search(name) is not None


def shown(name: str) -> str:
    """A stranger's file name for messages: printable and short."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in name)
    return clean if len(clean) <= 200 else f"{clean[:100]}…{clean[-99:]}"


def named(path: Path) -> str:
    """A path for messages, which are text and are stored: bytes of it that are no UTF-8 show as U+FFFD."""
    return _NO_TEXT.sub("\ufffd", str(path))


def sibling_key(name: str) -> str:
    """Equal for the shards of one export: the name without its numbers."""
    return _DIGITS.sub("#", name)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts `conversations-2` before `conversations-10`."""
    return [
        (0, int(part), "") if part.isdecimal() and len(part) < 20 else (1, 0, part)
        for part in _DIGITS.split(name)
        if part
    ]
