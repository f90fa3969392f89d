"""Exports on disk: plain and compressed files, archives, folders of them."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO, cast

from shared.domain.errors import UnreadableExportError
from shared.exports.containers.archive import walk_zip
from shared.exports.containers.guard import reason_of
from shared.exports.containers.members import (
    SNIFF_BYTES,
    Findings,
    Member,
    Source,
    is_wanted,
    kind_of,
    named,
    shown,
)


def walk(path: Path, findings: Findings) -> None:
    """Add the members of the export at `path`. Raises UnreadableExportError where there can be none."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            _walk_folder(path, findings)
        elif not stat.S_ISREG(mode):
            raise UnreadableExportError(
                f"{named(path)} is neither a file nor a folder; give the export itself"
            )
        elif path.stat().st_size == 0:
            raise UnreadableExportError(f"{named(path)} is empty (0 bytes); download the export again")
        else:
            _walk_file(path, shown(path.name), findings)
    except FileNotFoundError:
        raise UnreadableExportError(f"{named(path)} does not exist; check the path of the export") from None
    except (OSError, ValueError) as error:
        raise UnreadableExportError(f"{named(path)}: {reason_of(error)}") from None


def _walk_folder(root: Path, findings: Findings) -> None:
    count = 0
    real_root = root.resolve()
    for folder, folders, files in os.walk(root):
        for name in [*files, *folders]:
            count += 1
            if count > findings.limits.members:
                raise UnreadableExportError(
                    f"{named(root)} holds more than {findings.limits.members} files; "
                    "give the folder of the export"
                )
            path = Path(folder, name)
            shown_name = shown(f"{root.name}/{path.relative_to(root).as_posix()}")
            if path.is_symlink():
                if not path.resolve().is_relative_to(real_root):
                    findings.refuse(shown_name, "it is a link that leads out of the folder", "the link")
            elif path.is_file() and path.stat().st_size and is_wanted(shown_name):
                try:
                    _walk_file(path, shown_name, findings)
                except OSError as error:
                    findings.refuse(shown_name, reason_of(error), "byte 0")


def _walk_file(path: Path, name: str, findings: Findings) -> None:
    def identity() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    with path.open("rb") as file:
        kind = kind_of(file.read(SNIFF_BYTES))
    if kind == "zip":
        archive = cast(BinaryIO, findings.opened.enter_context(path.open("rb")))
        walk_zip(archive, name, identity, 1, findings)
    elif kind in ("text", "gz"):
        size = path.stat().st_size
        findings.members.append(Member(name, identity, size, lambda: _open_file(path, kind == "gz")))
    else:
        findings.refuse_kind(name, kind)


def _open_file(path: Path, is_gz: bool) -> Source:
    file = cast(BinaryIO, path.open("rb"))
    return Source(cast(BinaryIO, _OwningGzip(file)), file.tell) if is_gz else Source(file)


class _OwningGzip(gzip.GzipFile):
    """A GzipFile that closes the file it reads."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(fileobj=file)
        self._owned = file

    def close(self) -> None:
        super().close()
        self._owned.close()
