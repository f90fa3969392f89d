"""The call that has a predecessor process an import: one POST, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from shared.resilience.one_call import one_call_client
from shared.resilience.retry_after import retry_after
from shared.store.v1_calls import Outcome, V1Call

CONNECT_SECONDS = 5.0
"""For a connection, and as long again for its TLS: less than a call has, so that it is known what was never
sent."""
CALL_SECONDS = 60.0
"""For all of a call: the predecessor answers before it begins."""
_NO_ANSWER = frozenset({504, 520, 524})
"""What a proxy says that passed a call on and got no answer to it: the predecessor may be at work."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call, and why, in our words."""

    outcome: Outcome
    reason: str = ""
    retry_after: float | None = None
    """Seconds that it asks to wait."""


async def post(address: str, call: V1Call) -> Answer:
    """Call once. Whatever it does is an answer; its body is not read."""
    try:
        async with (
            asyncio.timeout(CALL_SECONDS),
            _client() as client,
            client.stream("POST", address, content=orjson.dumps(_body(call))) as response,
        ):
            return _judged(response.status_code, response.headers)
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        return Answer("again", "the v1 backend cannot be reached: is V1_BACKEND_URL right, and it up?")
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL):
        return Answer("refused", "V1_BACKEND_URL is no address: set it to that of the v1 backend")
    except (httpx2.TimeoutException, TimeoutError):
        return Answer("unknown", f"the v1 backend gave no answer within {CALL_SECONDS:g} s")
    except httpx2.HTTPError:
        return Answer("unknown", "the connection to the v1 backend broke off before its answer")


def _body(call: V1Call) -> Mapping[str, Any]:
    return {
        "user_id": str(call.user_id),
        "storage_path": call.source,
        "file_type": "zip" if call.source.lower().endswith(".zip") else "json",
        "conversation_count": call.conversation_count,
        "message_count": call.message_count,
    }


def _client() -> httpx2.AsyncClient:
    hop = {"X-Soulprint-Hop": "1"}  # a gateway of ours that it leads back to refuses
    return one_call_client(seconds=CALL_SECONDS, connect_seconds=CONNECT_SECONDS, headers=hop)


def _judged(status: int, headers: Mapping[str, str]) -> Answer:
    if 200 <= status < 300:
        return Answer("accepted")
    if status in _NO_ANSWER:
        return Answer("unknown", f"a proxy before the v1 backend got no answer from it ({status})")
    if status == 429 or status >= 500:
        return Answer("again", f"the v1 backend answered {status}", retry_after(headers))
    if 300 <= status < 400:
        return Answer(
            "refused",
            f"the v1 backend redirects ({status}), which is not followed: set V1_BACKEND_URL to where it is",
        )
    return Answer("refused", f"the v1 backend refuses the import ({status}): is V1_PATH right?")
