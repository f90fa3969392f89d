"""Where an export of a person lies in a bucket: the path that the app gives it, safe whatever its name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

BUCKET: Final = "imports"
"""Of the app's exports."""
_MOST = 80
"""Characters kept of a name, its suffix apart."""
_SUFFIX = re.compile(r"(?:\.json\.gz|\.[a-z0-9]{1,8})\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_KINDS: Final = {
    ".zip": "application/zip",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".csv": "text/csv",
}


def object_path(user_id: UUID, name: str, now: datetime) -> str:
    """`{user_id}/{epoch ms}-{name}`: letters, digits, lines and hyphens of ASCII, and the suffix."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    found = _SUFFIX.search(plain.lower())
    suffix = found.group() if found else ""
    stem = _UNSAFE.sub("-", plain[: len(plain) - len(suffix)]).strip("-_")[:_MOST]
    return f"{user_id}/{round(now.timestamp() * 1000)}-{stem or 'export'}{suffix}"


def bucket_of(read: Collection[str] | None) -> str:
    """Where exports are put, where the services read these buckets: the app's, if it is among them."""
    return BUCKET if not read or BUCKET in read else next(iter(read))


def media_type(file: Path) -> str:
    """What a bucket is told that the file is."""
    return _KINDS.get(file.suffix.lower(), "application/octet-stream")
