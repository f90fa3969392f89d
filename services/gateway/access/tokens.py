"""Tokens of people, as the Auth server of a Supabase project signs them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from services.gateway.access.jwk import Key
from services.gateway.access.jwks import ProjectKeys

AUDIENCE = "authenticated"
LEEWAY_SECONDS = 30
"""By which clocks may differ."""
MOST_CHARS = 16 * 1024
"""Of a token; usual ones have one or two thousand."""
_NOT_PEOPLE = ("anon", "service_role")
"""Roles of keys of a project. What such a token says of a person, nobody has proven."""
_WRONG = (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, OverflowError, RecursionError)
"""What comes of tokens that are wrong. Not all of it is PyJWT's: a time may be Infinity, or a list."""


class WrongTokenError(Exception):
    """The token is not one of a person of this project, or no longer; says which."""


class Tokens:
    """Whose a token is. The algorithm is that of the key which the token names; what the token says of its
    algorithm only has to agree."""

    def __init__(self, issuer: str, keys: ProjectKeys, secret: str | None = None) -> None:
        self._issuer = issuer
        self._keys = keys
        self._legacy = Key("HS256", secret.encode()) if secret else None

    async def user_of(self, token: str) -> UUID:
        """The person. Raises WrongTokenError, or KeysUnavailableError where it cannot be told now."""
        if len(token) > MOST_CHARS:
            raise WrongTokenError("the token is too long")
        key = await self._key_of(token)
        if key is None:
            raise WrongTokenError("the token is not signed by a key of this project")
        return _person(self._claims(token, key))

    async def _key_of(self, token: str) -> Key | None:
        try:
            header = jwt.get_unverified_header(f"{token.partition('.')[0]}..")  # the rest waits for a key
        except _WRONG:
            raise WrongTokenError("the token cannot be read") from None
        if header.keys() & {"crit", "b64"}:
            raise WrongTokenError("the token asks for what is not known here")
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm == "HS256":
            return self._legacy  # the project shows no such key to anybody: it is not asked
        if algorithm in ("ES256", "RS256") and isinstance(name, str):
            return await self._keys.find(name)
        return None

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except ExpiredSignatureError:
            raise WrongTokenError("the token has expired") from None
        except _WRONG:
            raise WrongTokenError("the token is not one of this project") from None


def _person(claims: dict[str, Any]) -> UUID:
    role = claims.get("role", AUDIENCE)
    if not isinstance(role, str) or role in _NOT_PEOPLE:
        raise WrongTokenError("the token is not a person's")
    try:
        found = UUID(claims["sub"])
    except (ValueError, TypeError, AttributeError):
        found = None
    if found is None or str(found) != claims["sub"].lower():
        raise WrongTokenError("the token is not a person's")
    return found
