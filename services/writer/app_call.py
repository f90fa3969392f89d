"""The call that tells the app of an import: one POST, and what became of it; and whether there is an app."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import httpx2
import orjson

from shared.resilience.one_call import one_call_client
from shared.resilience.retry_after import retry_after

PATH = "/api/import/complete"
CONNECT_SECONDS = 5.0
"""For a connection, and as long again for its TLS: less than a call has, so that it is known what was never
sent."""
CALL_SECONDS = 30.0
"""For all of a call: the app sends an e-mail meanwhile."""
PROBE_SECONDS = 10.0
_MOST_BYTES = 16 * 1024
"""So much of an answer is read: the app's own is a line."""
_NO_ANSWER = frozenset({504, 520, 524})
"""What a proxy says that passed a call on and got no answer to it: the app may have acted."""


class Outcome(StrEnum):
    """What became of a call."""

    SENT = "sent"
    """The app says that it has acted."""
    REFUSED = "refused"
    """It has not, and will not however often it is called."""
    AGAIN = "again"
    """It has not, and may do so later."""
    UNKNOWN = "unknown"
    """It may have acted or not: a second call could be a second e-mail."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call, and why, in our words."""

    outcome: Outcome
    reason: str = ""
    retry_after: float | None = None
    """Seconds that the app asks to wait."""
    email_sent: bool | None = None
    push_sent: bool | None = None


async def tell_app(app_url: str, user_id: UUID, fields: Mapping[str, Any]) -> Answer:
    """Call the app once, with these fields beside the user's id. Whatever it does is an answer."""
    try:
        async with asyncio.timeout(CALL_SECONDS), _client() as client:
            request = client.stream(
                "POST",
                app_url + PATH,
                content=orjson.dumps({"user_id": str(user_id), **fields}),
                headers={
                    "X-Internal-User-Id": str(user_id)
                },  # else its guard against forged requests says 403
            )
            async with request as response:
                return _judged(response, await _head(response) if response.status_code == 200 else b"")
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        return Answer(Outcome.AGAIN, "it cannot be reached: is APP_URL right, and the app up?")
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL):
        return Answer(Outcome.REFUSED, "APP_URL is no address: set it to that of the app")
    except (httpx2.TimeoutException, TimeoutError):
        return Answer(Outcome.UNKNOWN, f"no answer within {CALL_SECONDS:g} s")
    except httpx2.HTTPError:
        return Answer(Outcome.UNKNOWN, "the connection broke off before the answer")


async def missing_app(app_url: str) -> str:
    """Why the app could not be told, found out without telling it anything; empty if it could."""
    try:
        async with (
            asyncio.timeout(PROBE_SECONDS),
            _client() as client,
            client.stream("GET", app_url + PATH) as response,
        ):
            status = response.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError):
        return "it cannot be reached"
    if 300 <= status < 400:
        return f"it redirects ({status}), and that is not followed"
    if status == 404:
        return f"it has no {PATH} (404)"
    return f"it answers {status}" if status >= 500 else ""


def _client() -> httpx2.AsyncClient:
    return one_call_client(seconds=CALL_SECONDS, connect_seconds=CONNECT_SECONDS)


async def _head(response: httpx2.Response) -> bytes:
    """The body, or as much of it as nobody's answer needs."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _MOST_BYTES:
            break
    return body[:_MOST_BYTES]


def _judged(response: httpx2.Response, body: bytes) -> Answer:
    status = response.status_code
    if status == 200:
        return _read(body)
    if status in _NO_ANSWER:
        return Answer(Outcome.UNKNOWN, f"a proxy before it got no answer from it ({status})")
    if status == 429 or status >= 500:
        return Answer(Outcome.AGAIN, f"it answered {status}", retry_after(response.headers))
    if 300 <= status < 400:
        return Answer(
            Outcome.REFUSED,
            f"it redirects ({status}), which is not followed: set APP_URL to where the app is",
        )
    if status == 404:
        return Answer(Outcome.REFUSED, "it knows no such user, or is not the app (404): is APP_URL right?")
    if status < 300:
        return Answer(Outcome.UNKNOWN, f"it answered {status}, which the app does not: is APP_URL right?")
    return Answer(Outcome.REFUSED, f"it refuses the call ({status})")


def _read(body: bytes) -> Answer:
    """What the app says that it did."""
    try:
        said = orjson.loads(body)
        success = said["success"]
    except (ValueError, TypeError, KeyError):
        return Answer(
            Outcome.UNKNOWN, "it answered 200 with something that is not the app's answer: is APP_URL right?"
        )
    if success is not True:
        return Answer(Outcome.REFUSED, "it answered 200, and that it did not succeed")
    return Answer(
        Outcome.SENT, email_sent=said.get("email_sent") is True, push_sent=said.get("push_sent") is True
    )
