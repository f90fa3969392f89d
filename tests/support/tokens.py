"""Tokens as a Supabase project hands them out, signed by the legacy secret or by a key of its JWKS."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

ISSUER = "supabase"
_KEY_ID = "of the test"


@dataclass(frozen=True)
class Signer:
    """The keys of one project. `secret`: the legacy one, of HS256."""

    secret: str = "a-secret-of-the-tests-with-at-least-32-characters"
    _key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    @cached_property
    def jwks(self) -> str:
        """Both keys, as PostgREST takes them to check a token with."""
        legacy = urlsafe_b64encode(self.secret.encode()).rstrip(b"=").decode()
        return json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": legacy}, self.public]})

    @cached_property
    def public(self) -> dict[str, Any]:
        """The key of ES256 as the project shows it to all."""
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return public | {"kid": _KEY_ID, "alg": "ES256", "use": "sig"}

    def token(
        self,
        role: str,
        user: UUID | None = None,
        *,
        seconds: float = 3600.0,
        algorithm: str = "HS256",
        ref: str | None = None,
    ) -> str:
        """A token of a role, for a user if it is one's, and of a project if it says which (`ref`); it expires
        in so many seconds."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": ISSUER, "role": role, "iat": now, "exp": now + round(seconds)}
        if ref is not None:
            claims["ref"] = ref
        if user is not None:
            claims |= {"sub": str(user), "aud": "authenticated"}
        if algorithm == "HS256":
            return jwt.encode(claims, self.secret, algorithm)
        return jwt.encode(claims, self._key, algorithm, headers={"kid": _KEY_ID})
