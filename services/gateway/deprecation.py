"""How POST /process-full says that it ends, by the policy in the database: RFC 9745 (Deprecation), RFC 8594
(Sunset). Every answer says so, whoever made it: a route, the door, the predecessor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from services.gateway.body_rules import App, Message, Receive, Scope, Send
from shared.domain.errors import StoreError
from shared.store.routing import Policy

ENDING: Final = "/process-full"
SUCCESSOR: Final = "/process-full-v2"
ABOUT: Final = "/openapi.json"
KEPT_SECONDS: Final = 3.0
"""For so long what is known of the policy is told without a look. What takes an import has it anew."""
LOOK_SECONDS: Final = 1.0
"""An answer waits so long at most for a look; then it tells what was known before."""
SAID: Final = "soulprint.deprecation"
"""Where it stands in a request's scope what an answer from outside of all middleware has to say."""
_OURS: Final = frozenset({b"deprecation", b"sunset", b"link"})


def deprecation_headers(
    since: datetime | None, until: datetime | None, *, successor: str, about: str
) -> Mapping[str, str]:
    """Headers of a route that is deprecated `since` and ends `until`, which lies not before; None: that is
    not settled. `successor` is the route to use, `about` what tells more. None where it is not deprecated."""
    if since is None:
        return {}
    headers = {"Deprecation": f"@{int(since.timestamp())}", "Link": _link(successor, about)}
    if until is not None:
        headers["Sunset"] = format_datetime(until.astimezone(UTC), usegmt=True)
    return headers


def _link(successor: str, about: str) -> str:
    return f'<{successor}>; rel="successor-version", <{about}>; rel="deprecation"'


class Deprecation:
    """What is known of the end of /process-full. `gone`: it has ended, whatever the policy says."""

    def __init__(self, read: Callable[[], Awaitable[Policy]], *, gone: bool = False) -> None:
        self.gone = gone
        self._read = read
        self._times: tuple[datetime | None, datetime | None] = (None, None)
        self._as_of: float | None = None
        self._look: asyncio.Task[None] | None = None
        self._late = False
        """Whether the look under way was waited for in vain."""

    def learn(self, since: datetime | None, until: datetime | None) -> None:
        """The policy was read in the course of something else."""
        self._times, self._as_of = (since, until), time.monotonic()

    async def headers(self) -> Mapping[str, str]:
        """What an answer says now. Never raises: while the database is away the last word stands."""
        if self._as_of is None or time.monotonic() - self._as_of > KEPT_SECONDS:
            await self._looked()
        told = deprecation_headers(*self._times, successor=SUCCESSOR, about=ABOUT)
        return {"Link": _link(SUCCESSOR, ABOUT), **told} if self.gone else told

    async def close(self) -> None:
        """Leave a look that is under way."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait({self._look})

    async def _looked(self) -> None:
        """One look at a time, whoever waits for it."""
        if self._look is None or self._look.done():
            self._look, self._late = asyncio.create_task(self._learned()), False
        if not self._late:
            _, pending = await asyncio.wait({self._look}, timeout=LOOK_SECONDS)
            self._late = bool(pending)

    async def _learned(self) -> None:
        known = self._as_of
        try:
            policy = await self._read()
        except StoreError:
            self.learn(*self._times)  # it is asked again after a while, not by every request
        else:
            if self._as_of == known:  # else it was read meanwhile in the course of something else
                self.learn(policy.deprecated_at, policy.sunset_at)


@asynccontextmanager
async def opened_deprecation(
    read: Callable[[], Awaitable[Policy]], *, gone: bool
) -> AsyncIterator[Deprecation]:
    """For the block."""
    deprecation = Deprecation(read, gone=gone)
    try:
        yield deprecation
    finally:
        await deprecation.close()


class SaysItEnds:
    """ASGI middleware, outside of all that answers. What the predecessor says of it itself is taken out."""

    def __init__(self, app: App, deprecation: Deprecation) -> None:
        self._app, self._deprecation = app, deprecation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if (
                message["type"] == "http.response.start" and scope["path"] == ENDING
            ):  # the key is out of it now
                said = _raw(await self._deprecation.headers())
                kept = [each for each in message.get("headers", ()) if each[0].lower() not in _OURS]
                message = {**message, "headers": [*kept, *said]}
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception:
            if scope["path"] == ENDING:
                scope[SAID] = await self._deprecation.headers()
            raise


def _raw(headers: Mapping[str, str]) -> Iterable[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
