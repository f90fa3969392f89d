"""The transport over REST: the SQL functions as Supabase's Data API (PostgREST) serves them, one POST each.

Bounds on times and sizes, and trying again, are here; what a refusal means, `shared/store/refusals.py` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

import httpx2
import orjson

from shared.domain.errors import UnreadableAnswerError
from shared.domain.service_keys import is_token
from shared.postgres.connection import CONNECT_SECONDS
from shared.postgres.sqlstates import unanswered
from shared.resilience.backoff import Backoff
from shared.resilience.retry_after import retry_after
from shared.store.bounded import BoundedTransport, TooLargeError
from shared.store.refusals import AnsweredError, read_refusal, unreachable
from shared.store.transport import CALL_SECONDS, seconds_for, to_json

MAX_BYTES: Final = 64 * 1024**2
"""Largest answer that is read. The largest that a function of ours gives is a page of facts or passages."""
REFUSAL_BYTES: Final = 64 * 1024
"""Most of a refusal that is read: what PostgREST says of one, or a proxy's page."""
TRIALS: Final = 5
LONGEST_WAIT: Final = 20.0
"""Seconds that a call waits for who asks for patience. Whoever asks for more gets no more calls for now."""
_BACKOFF = Backoff(base=0.3, cap=2.0, jitter=0.5)


class RestTransport:
    """Calls SQL functions over REST. `open_rest` makes one."""

    def __init__(self, session: httpx2.AsyncClient, seconds: float) -> None:
        self._session = session
        self._seconds = seconds

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """See Transport. Tried again where the call got no answer, or nobody could work on it: every function
        may be repeated."""
        body = b'{"argument":%b}' % to_json(function, argument)
        if self._session.is_closed:
            raise unreachable(function)
        seconds = seconds_for(function, self._seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._tried(function, body, asyncio.get_running_loop().time() + seconds)
        except TimeoutError:  # the client's own are of another kind
            raise unanswered(function, seconds) from None

    async def _tried(self, function: str, body: bytes, end: float) -> Any:
        trial = 0
        while True:
            trial += 1
            try:
                answer = await self._session.post(f"rpc/{function}", content=body)
                return orjson.loads(answer.content)
            except AnsweredError as answer:
                error = answer.meaning(function)
                if not answer.passing:
                    raise error from None
                wait = max(answer.wait, _BACKOFF.delay(trial))
            except orjson.JSONDecodeError:
                raise UnreadableAnswerError(f"{function}: the answer is not the JSON it says it is") from None
            except TooLargeError:
                raise UnreadableAnswerError(
                    f"{function}: the answer is larger than {MAX_BYTES // 1024**2} MB, which no answer of "
                    "SoulPrint's functions is; what lies between, or the database, is not as it should be"
                ) from None
            except (
                httpx2.HTTPError,
                httpx2.InvalidURL,
                httpx2.StreamError,
            ):  # their words may hold the address
                error, wait = unreachable(function), _BACKOFF.delay(trial)
            if trial == TRIALS or wait > min(LONGEST_WAIT, end - asyncio.get_running_loop().time()):
                raise error from None
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """See Transport."""
        await self._session.aclose()


def open_rest(url: str, key: str, *, connections: int = 4, seconds: float = CALL_SECONDS) -> RestTransport:
    """A transport over at most `connections` connections to the project at `url`, with its service key. It
    connects with its first call."""
    headers = {
        "apikey": key,
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Profile": "public",  # the schema, whichever the project names first
    }
    if is_token(key):
        headers["Authorization"] = f"Bearer {key}"  # the gateway makes one of a key that is none
    session = httpx2.AsyncClient(
        base_url=f"{url}/rest/v1/",
        headers=headers,
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),  # a call as a whole has its own bound
        trust_env=False,
        transport=_Answers(MAX_BYTES, connections),
    )
    return RestTransport(session, seconds)


class _Answers(BoundedTransport):
    """Lets through what is an answer of a function. Raises AnsweredError for all else."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See the base class."""
        response = await super().handle_async_request(request)
        if response.is_success and "json" in response.headers.get("content-type", ""):
            return response
        stream = cast(httpx2.AsyncByteStream, response.stream)
        body = b""
        try:
            async for piece in stream:
                body += piece[: REFUSAL_BYTES - len(body)]
                if len(body) >= REFUSAL_BYTES:
                    break
        finally:
            await stream.aclose()
        raise read_refusal(response.status_code, body, retry_after(response.headers) or 0.0)
