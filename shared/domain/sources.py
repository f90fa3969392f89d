"""Where an export lies, as events and the database name it: one text for any number of local files.

One file is its path as it is. Several, or one whose name is no UTF-8, are a JSON list of paths: escaped, a
name of any bytes is plain ASCII there. What lies in storage is `bucket/path`, which never begins with `[`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from shared.domain.errors import SourceError


def local_source(paths: Sequence[Path]) -> str:
    """The source of an export that lies in these files, which are absolute."""
    names = sorted(map(str, paths))
    if len(names) == 1 and _is_text(names[0]):
        return names[0]
    return json.dumps(names)


def local_paths(source: str) -> list[Path] | None:
    """The files of a local source; None if it is none."""
    if source.startswith("/"):
        return [Path(source)]
    if not source.startswith("["):
        return None
    try:
        names = json.loads(source)
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not names:
        return None
    return [Path(name) for name in names] if all(map(_is_path, names)) else None


def check_owner(source: str, user_id: UUID) -> None:
    """Raises SourceError for an object of storage that lies in another user's folder: where the path below
    the bucket begins with a user's id, it must be this one's."""
    parts = source.split("/")
    if local_paths(source) is not None or len(parts) < 3:
        return
    try:
        owner = UUID(parts[1])
    except ValueError:
        return
    if owner != user_id:
        raise SourceError("source: the object lies in the folder of another user")


def _is_path(name: object) -> bool:
    return isinstance(name, str) and name.startswith("/") and "\0" not in name


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
