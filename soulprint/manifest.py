"""Which files of a folder we wrote, so that no other is ever replaced: their hashes, kept beside them.

AGENTS.md and USER.md are names that people and other tools use, too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import orjson
from pydantic import Field, ValidationError

from shared.domain.discreet import Discreet
from shared.domain.plurals import listed, plural
from shared.private import new_file

MANIFEST = ".soulprint.json"


class Manifest(Discreet):
    """What the file holds."""

    files: dict[str, list[str]] = Field(default_factory=dict)
    """SHA-256 of what we wrote, by name. Two while a file is being replaced: it may be either."""


def foreign(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of `names` that are there and not as we wrote them: somebody else's, edited since, or links."""
    ours = _read(folder).files
    return [
        name
        for name in names
        if _is_there(folder / name) and not _is_one_of(folder / name, ours.get(name, ()))
    ]


def told(folder: Path, names: Sequence[str]) -> str:
    """What is wrong with foreign files, and what to do."""
    are = plural(len(names), "was not written by SoulPrint, or was", "were not written by SoulPrint, or were")
    return (
        f"{listed(names)} in {folder} {are} changed since. Choose another folder with --out, or give "
        f"--force to replace {plural(len(names), 'it', 'them')} (from Python: out=, force=True)."
    )


def replace_all(scratch: Path, folder: Path) -> None:
    """Move every file of `scratch` to `folder`, each whole. At any moment the manifest knows what is there.
    Raises OSError."""
    names = sorted(file.name for file in scratch.iterdir())
    hashes = {name: _on_disk(scratch / name) for name in names}
    before = _read(folder).files
    _write(folder, scratch, {**before, **{name: [*before.get(name, ()), hashes[name]] for name in names}})
    for name in names:
        os.replace(scratch / name, folder / name)
    _write(folder, scratch, {**before, **{name: [hashes[name]] for name in names}})


def _read(folder: Path) -> Manifest:
    with suppress(OSError, ValidationError):
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    return Manifest()


def _write(folder: Path, scratch: Path, files: dict[str, list[str]]) -> None:
    unfinished = scratch / MANIFEST
    with new_file(unfinished) as file:
        file.write(orjson.dumps(Manifest(files=files).model_dump(), option=orjson.OPT_INDENT_2))
    _on_disk(unfinished)
    os.replace(unfinished, folder / MANIFEST)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _is_one_of(path: Path, hashes: Sequence[str]) -> bool:
    return not path.is_symlink() and path.is_file() and bool(hashes) and _hash(path) in hashes


def _on_disk(path: Path) -> str:
    """The hash of a file that a power cut cannot empty any more."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return _hash(path)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
