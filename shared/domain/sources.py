"""Where an export lies, as events and the database name it: one text for any number of local files.

One file is its path as it is. Several, or one whose name is no UTF-8, are a JSON list of paths: escaped, a
name of any bytes is plain ASCII there. What lies in storage is `bucket/path`, which never begins with `[`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


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


def _is_path(name: object) -> bool:
    return isinstance(name, str) and name.startswith("/") and "\0" not in name


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
