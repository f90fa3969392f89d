"""Zip archives: their members without unpacking them. Archives in archives are copied to temporary files."""

from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from shared.domain.errors import DiskFullError, UnreadableExportError, is_disk_full, system_reason
from shared.exports.containers.guard import FREE_BYTES, reason_of
from shared.exports.containers.members import (
    SNIFF_BYTES,
    Findings,
    Member,
    Source,
    is_wanted,
    kind_of,
    leads_outside,
    named,
    shown,
)
from shared.exports.containers.salvage import salvaged

ENTRY_BYTES = 512
"""Most bytes an entry of a table of contents takes on average; a larger table is not loaded."""
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FAILURES = (OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, ValueError)
"""What zipfile raises over damaged archives (NotImplementedError is a RuntimeError)."""


def walk_zip(file: BinaryIO, name: str, identity: Callable[[], str], depth: int, findings: Findings) -> None:
    """Add the members of the zip in `file`, which must stay open, and of the zips in it.

    `identity` is that of the whole archive. Raises UnreadableExportError for more entries than the cap.
    """
    limits = findings.limits
    _check_contents(file, name, limits.members)
    try:
        archive = findings.opened.enter_context(zipfile.ZipFile(file))
    except _FAILURES:
        found = list(salvaged(file, name, identity))
        findings.refuse(
            name, "the archive is cut off: its table of contents is missing; download it again", "its end"
        )
        findings.members.extend(member for member in found if is_wanted(member.name))
        return
    entries = archive.infolist()
    if len(entries) > limits.members:
        raise _too_many(name, limits.members)
    for entry in entries:
        if entry.is_dir() or not is_wanted(entry.filename):
            continue
        path = f"{name}/{shown(entry.filename)}"
        refusal = _refusal(entry)
        if refusal:
            findings.refuse(path, refusal)
            continue
        try:
            with archive.open(entry) as stream:
                kind = kind_of(stream.read(min(SNIFF_BYTES, entry.file_size)))
        except _FAILURES as error:
            findings.refuse(path, reason_of(error), "byte 0")
            continue
        if kind == "zip":
            _walk_inner(archive, entry, path, depth, findings)
        elif kind in ("text", "gz"):
            findings.members.append(_member(archive, entry, path, is_gz=kind == "gz"))
        else:
            findings.refuse_kind(path, kind)


def _refusal(entry: zipfile.ZipInfo) -> str | None:
    if leads_outside(entry.filename) or leads_outside(entry.orig_filename):
        return "its name leads out of the archive, as no vendor's export does"
    if entry.flag_bits & _ENCRYPTED:
        return "it is protected by a password; unpack the archive and give the folder"
    if entry.compress_type not in _METHODS:
        return f"its compression (method {entry.compress_type}) is not supported; unpack the archive"
    return None


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, is_gz: bool) -> Member:
    def opened() -> Source:
        raw = archive.open(entry)
        if is_gz:
            return Source(cast(BinaryIO, gzip.GzipFile(fileobj=raw)), raw.tell)
        return Source(cast(BinaryIO, raw))

    identity = f"{entry.filename}\0{entry.CRC:08x}\0{entry.file_size}"
    return Member(path, lambda: identity, entry.file_size, opened, _expansion(entry))


def _expansion(entry: zipfile.ZipInfo) -> float:
    return entry.file_size / max(1, entry.compress_size) if entry.file_size > FREE_BYTES else 0.0


def _walk_inner(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, depth: int, findings: Findings
) -> None:
    limits = findings.limits
    findings.spooled += entry.file_size
    if depth >= limits.nesting:
        findings.refuse(path, f"archives lie more than {limits.nesting} deep in one another", "byte 0")
    elif _expansion(entry) > limits.ratio:
        findings.refuse(path, bomb(_expansion(entry), limits.ratio), "byte 0")
    elif findings.spooled > limits.total_bytes:
        findings.refuse(path, f"the inner archives hold more than {limits.total_bytes} bytes", "byte 0")
    else:
        try:
            spool = tempfile.TemporaryFile()  # noqa: SIM115  closed with the export
        except OSError as error:
            raise _no_room(error) from None
        copy = cast(BinaryIO, findings.opened.enter_context(spool))
        try:
            with archive.open(entry) as stream:
                shutil.copyfileobj(stream, copy, FREE_BYTES)
                copy.flush()
        except _FAILURES as error:
            if is_disk_full(error):
                raise _no_room(error) from None
            findings.refuse(path, reason_of(error), f"byte {copy.tell()}")
        identity = f"{entry.filename}\0{entry.CRC:08x}\0{entry.file_size}"
        walk_zip(copy, path, lambda: identity, depth + 1, findings)


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


def _too_many(name: str, cap: int) -> UnreadableExportError:
    return UnreadableExportError(f"{name} has more than {cap} entries, which is more than any chat export")


def _check_contents(file: BinaryIO, name: str, cap: int) -> None:
    """Refuse a table of contents too large to be loaded, before zipfile loads it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return
    entries, contents = struct.unpack_from("<HI", tail, at + 10)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        file.seek(min(size, struct.unpack_from("<Q", tail, at - 12)[0]))
        record = file.read(56)
        if len(record) == 56 and record.startswith(b"PK\x06\x06"):
            entries, contents = struct.unpack_from("<QQ", record, 32)
    if entries > cap or min(contents, size) > cap * ENTRY_BYTES:
        raise _too_many(name, cap)
