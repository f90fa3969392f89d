"""The keys of a Supabase project, fetched from it and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx2
import structlog

from services.gateway.access.jwk import Key, NoKeySetError, read_keys
from shared.domain.told import told
from shared.sockets import KEEP_ALIVE

FRESH_SECONDS = 600.0
"""So long keys are used without asking again."""
AGAIN_SECONDS = 30.0
"""Between two asks for a key that is not known, and between two after one that failed."""
KEPT_SECONDS = 24 * 3600.0
"""So long keys are used while the project cannot be reached."""
SECONDS = 5.0
"""For one ask."""
MOST_BYTES = 256 * 1024
_NEVER = float("-inf")

log = structlog.get_logger(__name__)


class KeysUnavailableError(Exception):
    """No key is known, and none can be had now."""


class ProjectKeys:
    """Who wants a key waits for the project only where there is no key to go on with; all wait for the same
    ask. Use it in one event loop, and close it."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched = _NEVER
        self._asked = _NEVER
        self._asked_for_unknown = _NEVER
        self._failing = False
        self._ask: asyncio.Task[None] | None = None
        self._client = httpx2.AsyncClient(
            timeout=SECONDS,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
            transport=httpx2.AsyncHTTPTransport(trust_env=False, socket_options=KEEP_ALIVE),
        )

    async def find(self, name: str) -> Key | None:
        """The key of this name, None if the project has none. Raises KeysUnavailableError."""
        ask = self._ask_if_due(name)
        if ask is not None and not (self._usable(name) and (self._failing or self._fresh)):
            await asyncio.shield(ask)
        if not self._held:
            raise KeysUnavailableError
        return self._keys.get(name)

    def begin(self) -> None:
        """Ask now, so that the first caller need not wait."""
        self._ask_if_due(None)

    async def close(self) -> None:
        """End an ask under way, and drop connections. Safe to call twice."""
        if self._ask is not None:
            self._ask.cancel()
            await asyncio.wait((self._ask,))
        await self._client.aclose()

    @property
    def _fresh(self) -> bool:
        return self._clock() - self._fetched < FRESH_SECONDS

    @property
    def _held(self) -> bool:
        return self._clock() - self._fetched < KEPT_SECONDS

    def _usable(self, name: str) -> bool:
        return name in self._keys and self._held

    def _ask_if_due(self, name: str | None) -> asyncio.Task[None] | None:
        """The ask under way, or one that is begun as it is time for one."""
        if self._ask is not None and not self._ask.done():
            return self._ask
        now = self._clock()
        if not self._fresh and now - self._asked >= AGAIN_SECONDS:
            self._asked = now
        elif name is not None and name not in self._keys and now - self._asked_for_unknown >= AGAIN_SECONDS:
            self._asked_for_unknown = now
        else:
            return None
        self._ask = asyncio.create_task(self._fetch())
        return self._ask

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                body = await self._body()
            keys = read_keys(body)
        except Exception as error:  # whatever it is, who waits for keys goes on without
            why = told(error)
            log.warning(
                "the keys of the Supabase project cannot be fetched", reason=why, kept=len(self._keys)
            )
            self._failing = True
            return
        self._keys, self._fetched, self._failing = keys, self._clock(), False

    async def _body(self) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != httpx2.codes.OK:
                raise NoKeySetError(f"answered {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NoKeySetError("compressed, which was not asked for")
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MOST_BYTES:
                    raise NoKeySetError(f"more than {MOST_BYTES:,} bytes")
        return bytes(body)
