"""Where an export lies, as events and the database name it: one text for any number of local files.

One file is its path as it is. Several, or one whose name is no UTF-8, are a JSON list of paths: escaped, a
name of any bytes is plain ASCII there. What lies in storage is `bucket/path`, which never begins with `[`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from uuid import UUID

from shared.domain.bounds import SOURCE_CHARS
from shared.domain.errors import ForeignSourceError, SourceError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_UNSAFE = re.compile("[\x00-\x1f\x7f\\\\\ud800-\udfff]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


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


def stored_object(source: str) -> tuple[str, str]:
    """Bucket and path of an object of storage. Raises SourceError for a source that names none."""
    if _UNSAFE.search(source) or _URL.match(source):
        raise SourceError("source: neither a local file nor bucket/path in storage; URLs are not taken")
    bucket, _, path = source.partition("/")
    if not _BUCKET.match(bucket) or any(part in ("", ".", "..") for part in path.split("/")):
        raise SourceError("source: not of the form bucket/path")
    return bucket, path


def require_bucket(bucket: str, buckets: Collection[str] | None) -> None:
    """Raises ForeignSourceError for a bucket that is not among those that may be read; None: any may."""
    if buckets is not None and bucket not in buckets:
        raise ForeignSourceError(f"source: bucket {bucket} is not one that may be read")


def check_owner(source: str, user_id: UUID) -> None:
    """Raises ForeignSourceError for an object of storage that lies in another user's folder: where the path
    below the bucket begins with a user's id, it must be this one's."""
    parts = source.split("/")
    if local_paths(source) is None and len(parts) > 2 and _another(parts[1], user_id):
        raise ForeignSourceError("source: the object lies in the folder of another user")


def require_nameable(
    source: str, user_id: UUID, buckets: Collection[str] | None, roots: Sequence[Path] = ()
) -> None:
    """Holds a source that came over HTTP to what its user may name: an object of an open bucket, or a local
    file below one of `roots`; neither in another user's folder.

    Raises SourceError for what is no source, ForeignSourceError for what is and is not open to them. Whether
    it is there, nobody looks: that would tell a stranger.
    """
    if len(source) > SOURCE_CHARS:
        raise SourceError(f"source: it has more than {SOURCE_CHARS:,} characters")
    paths = None if "\0" in source else local_paths(source)
    if paths is None:
        bucket, _ = stored_object(source)
        require_bucket(bucket, buckets)
        check_owner(source, user_id)
        return
    for path in paths:
        if ".." in path.parts or _UNSAFE.search(str(path)):
            raise SourceError("source: a local file is named by its path, without .. in it")
        beneath = [path.relative_to(root) for root in roots if path.is_relative_to(root)]
        if not beneath or any(_another(each.parts[0], user_id) for each in beneath if len(each.parts) > 1):
            raise ForeignSourceError(
                "source: local files are taken only below an allowed folder, and your own"
            )


def _another(folder: str, user_id: UUID) -> bool:
    """Whether a folder is named by the id of a user who is not this one."""
    try:
        return UUID(folder) != user_id
    except ValueError:
        return False


def _is_path(name: object) -> bool:
    return isinstance(name, str) and name.startswith("/") and "\0" not in name


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
