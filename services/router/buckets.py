"""A user's place among 10,000: the twin in Python of what the database decides by."""

from __future__ import annotations

import hashlib
from uuid import UUID

from shared.store.routing import SHARE_WHOLE

DIGITS = 15
"""Hex digits of the digest: 60 bits, which is no number that any language rounds."""


def bucket(salt: str, user_id: UUID) -> int:
    """0 to 9,999, the same for a user and a salt for ever: `routing_bucket` in 0026_routing.sql."""
    digest = hashlib.sha256(f"{salt}:{user_id}".encode()).hexdigest()
    return int(digest[:DIGITS], 16) % SHARE_WHOLE


def shadow_bucket(salt: str, user_id: UUID) -> int:
    """The user's place among those who are compared: it says nothing of the other."""
    return bucket(f"{salt}:shadow", user_id)
