"""Exports on disk: plain and compressed files, archives, folders of them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

from shared.domain.errors import UnreadableExportError
from shared.exports.containers.archive import Archive, walk_zip
from shared.exports.containers.guard import Account, Budget, Outermost, Packed, reason_of
from shared.exports.containers.members import SNIFF_BYTES, Findings, Member, Source, kind_of
from shared.exports.containers.names import is_wanted, named, shown
from shared.exports.containers.unpacking import Gunzipped, Section, Span

DEEPEST = 64
"""How deep folders may lie in one another."""


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
    real_root = root.resolve()
    for entry, depth in _entries(root, findings):
        name = shown(f"{root.name}/{Path(entry.path).relative_to(root).as_posix()}")
        try:
            if entry.is_symlink():
                if not Path(entry.path).resolve().is_relative_to(real_root):
                    findings.refuse(name, "it is a link that leads out of the folder", "the link")
            elif entry.is_dir(follow_symlinks=False):
                if depth >= DEEPEST:
                    findings.refuse(
                        name, f"folders lie more than {DEEPEST} deep in one another", "the folder"
                    )
            elif entry.is_file(follow_symlinks=False) and entry.stat().st_size and is_wanted(name):
                _walk_file(Path(entry.path), name, findings)
        except RuntimeError:
            findings.refuse(name, "it is a link that leads in a circle", "the link")
        except OSError as error:
            findings.refuse(name, reason_of(error), "byte 0")


def _entries(root: Path, findings: Findings) -> Iterator[tuple[os.DirEntry[str], int]]:
    """What lies in a folder and in those within, with its depth; each is counted as it is come upon."""
    waiting = [(str(root), 1)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            listing = os.scandir(folder)
        except OSError as error:
            if folder == str(root):
                raise
            findings.refuse(
                shown(f"{root.name}/{os.path.relpath(folder, root)}"), reason_of(error), "the folder"
            )
            continue
        with listing:
            for entry in listing:
                findings.entries += 1
                if findings.entries > findings.limits.members:
                    raise UnreadableExportError(
                        f"{named(root)} holds more than {findings.limits.members} files; "
                        "give the folder of the export"
                    )
                if depth < DEEPEST and entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, depth + 1))
                yield entry, depth


def _walk_file(path: Path, name: str, findings: Findings) -> None:
    with path.open("rb") as file:
        kind = kind_of(file.read(SNIFF_BYTES))
    if kind == "zip":
        findings.archives += 1
        if findings.archives > findings.limits.archives:
            findings.refuse(name, f"the folder holds more than {findings.limits.archives} archives", "byte 0")
            return
        archive = cast(BinaryIO, findings.opened.enter_context(path.open("rb")))
        size = os.fstat(archive.fileno()).st_size
        walk_zip(Archive(Span(archive, 0, size), name, _digest(path), Outermost(size)), findings)
    elif kind in ("text", "gz"):
        opened = _unzipped(path, name) if kind == "gz" else lambda *_: Source(cast(BinaryIO, path.open("rb")))
        findings.add(Member(name, _digest(path), path.stat().st_size, opened))
    else:
        findings.refuse_kind(name, kind)


def _digest(path: Path) -> Callable[[], str]:
    @cache  # every member of a damaged archive asks for it
    def digest() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return digest


def _unzipped(path: Path, name: str) -> Callable[[Budget, Account], Source]:
    within = Outermost(path.stat().st_size)

    def opened(budget: Budget, _: Account) -> Source:
        packed = _WholeFile(cast(BinaryIO, path.open("rb")))
        stream = Gunzipped(packed, name, budget)
        return Source(stream, stream.consumed, Packed(within, lambda: packed.taken))

    return opened


class _WholeFile(Section):
    """A section that is all of a file, and closes it."""

    def __init__(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        super().__init__(Span(file, 0, size), 0, size)
        self._owned = file

    def close(self) -> None:
        """Close the file."""
        self._owned.close()
