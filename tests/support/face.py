"""The gateway's own HTTP face, in the test's process or beside it, and clients of it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from shared.host.host import Host
from tests.support.services import AnySetting, hosted

KEY = "a-service-key-of-the-tests-and-of-nobody-else"
KEYED = {"Authorization": f"Bearer {KEY}"}
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
"""What SERVICE_KEYS holds of it."""
OPENED = {"gateway_port": 0, "service_keys": DIGEST}
"""Settings of a gateway that a test may call."""


@dataclass(frozen=True, slots=True)
class Face:
    """A gateway that answers."""

    host: Host
    client: httpx2.AsyncClient
    """Calls with a service key."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.host.public_port}"


@asynccontextmanager
async def faced(
    setting: AnySetting, services: Sequence[str] = ("gateway",), **changes: Any
) -> AsyncIterator[Face]:
    """A gateway, and other services, in this process."""
    setting.changes.update(OPENED | changes)
    async with hosted(setting, services) as host, called(host.public_port) as client:
        yield Face(host, client)


@asynccontextmanager
async def called(port: int, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a service key of what answers at this port of this machine."""
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers=KEYED,
        timeout=30,
        limits=httpx2.Limits(max_connections=300),
        trust_env=False,
        **options,
    ) as client:
        yield client
