"""Zip archives: their members without unpacking them. Archives in archives are copied to a temporary file.

What an entry is believed of its sizes is what a look at the whole needs: whether to begin. Everything that is
read is counted as it is read, against the bytes of the outermost file, through all layers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from shared.domain.errors import BrokenExportError, DiskFullError, system_reason
from shared.exports.containers.directory import (
    DEFLATED,
    ENCRYPTED,
    ENTRY_BYTES,
    NAME_BYTES,
    STORED,
    Entry,
    entries_of,
    locate,
    table_of,
)
from shared.exports.containers.guard import (
    FREE_BYTES,
    PIECE_BYTES,
    Account,
    Budget,
    GuardedStream,
    Outermost,
    Packed,
    Readable,
    reason_of,
)
from shared.exports.containers.members import SNIFF_BYTES, Findings, Member, Source, kind_of, too_many
from shared.exports.containers.names import leads_outside, named, shown
from shared.exports.containers.salvage import salvaged
from shared.exports.containers.unpacking import Checked, Deflated, Gunzipped, Section, Span

_OUTER_NAME = 100
"""Most characters of an archive's name before that of its member."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip that is walked."""

    span: Span
    name: str
    identity: Callable[[], str]
    within: Outermost
    scale: float = 1.0
    """Bytes of the outermost file for one byte of this archive."""
    depth: int = 1

    def packed(self, section: Section) -> Packed:
        """What is unpacked from `section`, in terms of the outermost file."""
        return Packed(self.within, lambda: section.taken * self.scale)


def walk_zip(archive: Archive, findings: Findings) -> None:
    """Add the members of an archive, whose file must stay open, and of the zips in it.

    Raises UnreadableExportError for more entries than the cap.
    """
    before = findings.entries
    entries = _listed(archive, findings)
    if entries is None:
        findings.entries = before
        findings.refuse(
            archive.name,
            "the archive is cut off: its table of contents is missing; download it again",
            "its end",
        )
        entries = _salvaged(archive, findings)
    for entry in entries:
        _take(archive, entry, findings)


def _listed(archive: Archive, findings: Findings) -> Iterable[Entry] | None:
    """The entries by the table of contents, None where it is missing or damaged."""
    cap = findings.limits.members
    table = table_of(archive.span)
    if table is None:
        return None
    if table.count > cap or table.size > cap * ENTRY_BYTES:
        raise too_many(archive.name, cap)
    try:
        return list(entries_of(archive.span, table, lambda: findings.count(archive.name)))
    except BadZipFile:
        return None


def _salvaged(archive: Archive, findings: Findings) -> Iterable[Entry]:
    return salvaged(
        archive.span,
        lambda: findings.count(archive.name),
        lambda stream, section: GuardedStream(
            stream, archive.name, findings.budget, findings.limits.ratio, archive.packed(section)
        ),
        lambda reason: findings.refuse(archive.name, reason, "a member without a size"),
    )


def _take(archive: Archive, entry: Entry, findings: Findings) -> None:
    path = f"{shown(archive.name, _OUTER_NAME)}/{shown(entry.name)}"
    if refusal := _refusal(entry):
        findings.refuse(path, refusal)
        return
    try:
        locate(archive.span, entry)
        with _opened(archive, entry, path, findings.budget.looks, findings.limits.ratio) as stream:
            kind = kind_of(stream.read(SNIFF_BYTES))
    except BrokenExportError as error:
        findings.require_looks(path)
        findings.refuse(path, error.reason, "byte 0")
    except (OSError, BadZipFile) as error:
        findings.refuse(path, reason_of(error), "byte 0")
    else:
        if kind == "zip":
            _walk_inner(archive, entry, path, findings)
        elif kind in ("text", "gz"):
            findings.add(_member(archive, entry, path, findings.limits.ratio, is_gz=kind == "gz"))
        else:
            findings.refuse_kind(path, kind)


def _refusal(entry: Entry) -> str | None:
    if len(entry.raw_name) > NAME_BYTES:
        return f"its name is longer than {NAME_BYTES} bytes, as no file's is"
    if leads_outside(entry.whole_name):
        return "its name leads out of the archive, as no vendor's export does"
    if entry.flags & ENCRYPTED:
        return "it is protected by a password; unpack the archive and give the folder"
    if entry.method not in (STORED, DEFLATED):
        return f"its compression (method {entry.method}) is not supported; unpack the archive"
    return None


def _unpacked(archive: Archive, entry: Entry) -> Source:
    section = Section(archive.span, entry.data, entry.packed)
    stream: Readable = Deflated(section) if entry.method == DEFLATED else section
    if entry.size < 0:
        return Source(stream, lambda: section.taken, archive.packed(section))
    return Source(Checked(stream, entry.size, entry.crc), None, archive.packed(section))


def _opened(archive: Archive, entry: Entry, path: str, account: Account, ratio: int) -> GuardedStream:
    source = _unpacked(archive, entry)
    return GuardedStream(source.stream, path, account, ratio, source.packed)


def _member(archive: Archive, entry: Entry, path: str, ratio: int, is_gz: bool) -> Member:
    def opened(budget: Budget, account: Account) -> Source:
        source = _unpacked(archive, entry)
        if not is_gz:
            return source
        packed = GuardedStream(source.stream, path, account, ratio, source.packed)
        unzipped = Gunzipped(packed, path, budget)
        return Source(unzipped, unzipped.consumed, source.packed)

    size = entry.size if entry.size >= 0 else entry.packed
    return Member(path, lambda: _identity(archive, entry), size, opened, _expansion(archive, entry))


def _identity(archive: Archive, entry: Entry) -> str:
    if not entry.is_listed:
        return f"{entry.data}\0{archive.identity()}"
    return f"{entry.name}\0{entry.crc:08x}\0{entry.size}"


def _expansion(archive: Archive, entry: Entry) -> float:
    return entry.size / max(1.0, entry.packed * archive.scale) if entry.size > FREE_BYTES else 0.0


def _walk_inner(archive: Archive, entry: Entry, path: str, findings: Findings) -> None:
    limits = findings.limits
    if archive.depth >= limits.nesting:
        findings.refuse(path, f"archives lie more than {limits.nesting} deep in one another", "byte 0")
        return
    if _expansion(archive, entry) > limits.ratio:
        findings.refuse(path, bomb(_expansion(archive, entry), limits.ratio), "byte 0")
        return
    try:
        spool = findings.spool()
        begin = end = spool.seek(0, os.SEEK_END)
        with _opened(archive, entry, path, findings.budget, limits.ratio) as stream:
            try:
                while data := stream.read(PIECE_BYTES):
                    spool.seek(end)  # it is read from there, too, where archives lie in one another
                    end += spool.write(data)
            except BrokenExportError as error:
                findings.refuse(path, error.reason, error.place)
        spool.flush()
    except OSError as error:
        raise _no_room(error) from None
    size = end - begin
    known = len(findings.members)
    if not stream.is_over and size:
        scale = archive.scale * min(1.0, entry.packed / size)
        inner = Archive(
            Span(spool, begin, size),
            path,
            lambda: _identity(archive, entry),
            archive.within,
            scale,
            archive.depth + 1,
        )
        walk_zip(inner, findings)
    if len(findings.members) == known:
        spool.truncate(begin)


def _no_room(error: OSError) -> DiskFullError:
    """For an archive in an archive, which is copied to a temporary file: it is no fault of the export's."""
    folder = named(Path(tempfile.tempdir or "."))
    return DiskFullError(
        f"{folder}: no temporary file can be written here: {system_reason(error)}; "
        "free some space, or set TMPDIR to a folder on another disk, then run again"
    )


def bomb(expansion: float, ratio: int) -> str:
    """Why a member that expands so much is not read."""
    return (
        f"it expands {expansion:.0f}-fold, as zip bombs do; the cap is {ratio}-fold "
        "(raise SOULPRINT_MAX_COMPRESSION_RATIO if you trust it)"
    )
