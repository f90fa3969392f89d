"""Digests of service keys, as a setting holds them: whoever reads the setting has no key."""

from __future__ import annotations

import hashlib
import re

MOST_KEYS = 16
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OF_NOTHING = frozenset(hashlib.sha256(text).digest() for text in (b"", b"\n", b"\r\n"))
"""What a shell digests where the key's variable is empty."""


def key_digests(text: str) -> tuple[bytes, ...]:
    """The SHA-256 digests in a list with commas, each once. Raises ValueError, which says what each must be
    and repeats nothing of them: a key put there by mistake is a secret."""
    found: dict[bytes, None] = {}
    for part in text.split(","):
        if not (written := part.strip().lower()):
            continue
        if not _DIGEST.fullmatch(written):
            raise ValueError(
                "must be SHA-256 digests of keys, each of 64 hexadecimal digits, separated by commas"
            )
        if (digest := bytes.fromhex(written)) in _OF_NOTHING:
            raise ValueError("holds the digest of an empty key: what was digested held nothing")
        found[digest] = None
    if len(found) > MOST_KEYS:
        raise ValueError(f"must be at most {MOST_KEYS} digests")
    return tuple(found)
