"""The version of the binding: what was written by other rules is written anew."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

HERE = Path(__file__).parent
BESIDE = ("asked_about", "excerpts", "handed_over", "regions", "role_play")
"""Modules that tell what is the person's own."""


@cache
def binding_version() -> str:
    """Twelve hex digits that change whenever a rule of the binding does."""
    digest = blake2b(digest_size=6)
    for path in (*sorted(HERE.glob("*.py")), *(HERE.parent / f"{name}.py" for name in BESIDE)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
