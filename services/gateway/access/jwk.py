"""Public keys as a project shows them (RFC 7517): what is of use to check a token by, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

MOST_KEYS = 32
"""Of one project. It has one in use, one to come, and those it took out of use."""
_MOST_CHARS = 1400
"""Of a number: an RSA key of 8,192 bits has 1,366."""
_LEAST_BITS, _MOST_BITS = 2048, 8192
_NAME_CHARS = 200


class NoKeySetError(Exception):
    """What came is no set of keys; says why, in our words."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, with the one algorithm that it is for, whatever a token says."""

    algorithm: Literal["ES256", "RS256", "HS256"]
    material: EllipticCurvePublicKey | RSAPublicKey | bytes


def read_keys(body: bytes) -> dict[str, Key]:
    """The keys by which tokens may be checked, by their names; none is a set, too. What is of another kind,
    without a name or broken is left out. Raises NoKeySetError if it is no key set or holds too many."""
    try:
        keys = orjson.loads(body)["keys"]
    except (ValueError, TypeError, KeyError):
        raise NoKeySetError("no key set") from None
    if not isinstance(keys, list):
        raise NoKeySetError("no key set")
    if len(keys) > MOST_KEYS:
        raise NoKeySetError(f"more than {MOST_KEYS} keys")
    found: dict[str, Key] = {}
    for each in keys:
        name = each.get("kid") if isinstance(each, dict) else None
        if isinstance(name, str) and 0 < len(name) <= _NAME_CHARS and (key := _key(each)) is not None:
            found.setdefault(name, key)
    return found


def _key(jwk: dict[str, Any]) -> Key | None:
    if jwk.get("use", "sig") != "sig":
        return None
    if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256" and jwk.get("alg", "ES256") == "ES256":
        public = _made(ECAlgorithm, jwk, "kty", "crv", "x", "y")
        return Key("ES256", public) if isinstance(public, EllipticCurvePublicKey) else None
    if jwk.get("kty") == "RSA" and jwk.get("alg", "RS256") == "RS256":
        public = _made(RSAAlgorithm, jwk, "kty", "n", "e")
        if isinstance(public, RSAPublicKey) and _LEAST_BITS <= public.key_size <= _MOST_BITS:
            return Key("RS256", public)
    return None


def _made(algorithm: type[ECAlgorithm | RSAAlgorithm], jwk: dict[str, Any], *names: str) -> object:
    """The public key that these members make: a private part is not looked at."""
    members = {name: jwk.get(name) for name in names}
    if not all(isinstance(each, str) and len(each) <= _MOST_CHARS for each in members.values()):
        return None
    try:
        return algorithm.from_jwk(members)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        return None
