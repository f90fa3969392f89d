"""Keys of a Supabase project, as far as a key says itself what it is."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

_OPEN_ROLES = ("anon", "authenticated")
"""Roles of keys that a web page may show."""


def service_key(text: str) -> str:
    """The key without white space around it, unless it is known to open nothing. Raises ValueError, which
    says what it must be and repeats nothing of it."""
    key = text.strip()
    if key.startswith("sb_publishable_"):
        raise ValueError(
            "must be a secret key (sb_secret_...); the publishable one opens nothing to a service"
        )
    if (role := _role_of(key)) in _OPEN_ROLES:
        raise ValueError(
            f"must be the key of service_role, or a secret key (sb_secret_...); this is {role}'s"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("must be a key as the project shows it, of ASCII without white space")
    return key


def is_token(key: str) -> bool:
    """Whether a key is a token that names its role (a legacy key), and not one of the newer kind."""
    return _role_of(key) is not None


def claims_of(key: str) -> dict[str, Any]:
    """What a token says of itself, unproven: who signed it, the project tells. Nothing, for other keys."""
    _, *middle = key.split(".")
    if len(middle) != 2:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(middle[0] + "=" * (-len(middle[0]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _role_of(key: str) -> str | None:
    role = claims_of(key).get("role")
    return role if isinstance(role, str) else None
