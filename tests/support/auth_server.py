"""A stand-in for the Auth server of a Supabase project, over HTTP: it shows its keys, and signs tokens."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_curve_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.fake_claude.http import HttpRequest, HttpResponse, HttpServer

JWKS = "/auth/v1/.well-known/jwks.json"


class AuthServer:
    """One project. Its first key, of ES256, is called `first`."""

    def __init__(self) -> None:
        self.keys: dict[str, EllipticCurvePrivateKey | RSAPrivateKey] = {}
        """Those that it shows, by name."""
        self.fetches = 0
        self.answer: HttpResponse | None = None
        """What is answered instead of the keys."""
        self.hold: asyncio.Event | None = None
        """Answers wait for it."""
        self._server = HttpServer(self._handle)
        self.add("first")

    @property
    def url(self) -> str:
        """What SUPABASE_URL may be."""
        return f"http://127.0.0.1:{self._server.port}"

    def add(self, name: str, *, rsa: bool = False) -> None:
        """Show one more key."""
        self.keys[name] = new_rsa_key(65537, 2048) if rsa else new_curve_key(SECP256R1())

    def rotate(self, old: str, new: str) -> None:
        """Show another key in place of one."""
        del self.keys[old]
        self.add(new)

    def public(self, name: str) -> dict[str, Any]:
        """A key as it is shown."""
        key = self.keys[name].public_key()
        if isinstance(self.keys[name], RSAPrivateKey):
            shown, algorithm = RSAAlgorithm.to_jwk(key, as_dict=True), "RS256"  # type: ignore[arg-type]
        else:
            shown, algorithm = ECAlgorithm.to_jwk(key, as_dict=True), "ES256"  # type: ignore[arg-type]
        return shown | {"kid": name, "alg": algorithm, "use": "sig"}

    def claims(self, user: UUID, **changes: object) -> dict[str, Any]:
        """What a person's token says; None leaves out, a function is given the time."""
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/auth/v1",
            "aud": "authenticated",
            "sub": str(user),
            "role": "authenticated",
            "iat": now,
            "exp": now + 3600,
        }
        told = {name: each(now) if callable(each) else each for name, each in (claims | changes).items()}
        return {name: value for name, value in told.items() if value is not None}

    def token(
        self, user: UUID, name: str = "first", *, headers: dict[str, Any] | None = None, **changes: object
    ) -> str:
        """A person's token, signed by a key that is shown, whatever its header and claims say."""
        key = self.keys[name]
        algorithm = "RS256" if isinstance(key, RSAPrivateKey) else "ES256"
        head = {"alg": algorithm, "typ": "JWT", "kid": name} | (headers or {})
        signed = f"{part(head)}.{part(self.claims(user, **changes))}"
        return f"{signed}.{letters(jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), key))}"

    async def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any free one."""
        await self._server.start(port)

    async def stop(self) -> None:
        """Go down: connections are refused. `start(port)` brings it back."""
        await self._server.stop()

    @property
    def port(self) -> int:
        """Where it listens, or last did."""
        return self._server.port

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        if request.path != JWKS or request.method != "GET":
            return HttpResponse(404, b"{}")
        self.fetches += 1
        if self.hold is not None:
            await self.hold.wait()
        shown = {"keys": [self.public(name) for name in self.keys]}
        return self.answer or HttpResponse(200, orjson.dumps(shown))


def letters(value: bytes) -> str:
    """Base64 as tokens have it."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def part(value: object) -> str:
    """One part of a token."""
    return letters(json.dumps(value).encode())


@asynccontextmanager
async def auth_server() -> AsyncIterator[AuthServer]:
    """A stand-in that listens."""
    server = AuthServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
