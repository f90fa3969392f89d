"""Calls for embeddings: one HTTP request each, bounded in time and size, counted however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import orjson

from shared.domain.addresses import shown_address
from shared.domain.errors import UsageError
from shared.models.embeddings.answer import Embedded, NoEmbeddingsError, read_answer
from shared.models.embeddings.failures import (
    EmbeddingError,
    garbled,
    misfit,
    no_api,
    of_exception,
    of_status,
)
from shared.models.embeddings.metrics import EmbeddingMetrics
from shared.settings import Settings
from shared.sockets import KEEP_ALIVE

HARMLESS = "soulprint"
"""What a trial embeds."""
CONNECT_SECONDS = 10.0
TRIAL_SECONDS = 30.0
"""For a trial: a server may have to load its model first."""
MOST_BYTES = 64 * 1024**2
"""Of an answer; 32 embeddings of 3,072 numbers have 2 MB."""
ERROR_BYTES = 16 * 1024
"""Of an answer that is an error."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call cost; dollars None where no price is set."""

    tokens: int
    cost: float | None


class Embedder:
    """One model at one server. `opened_embedder` makes it. Safe for use by many tasks at once."""

    def __init__(self, settings: Settings, metrics: EmbeddingMetrics | None = None) -> None:
        if settings.embeddings_url is None or settings.embeddings_model is None:
            raise UsageError("set SOULPRINT_EMBEDDINGS_URL and SOULPRINT_EMBEDDINGS_MODEL to embed passages")
        self.model = settings.embeddings_model
        self.url = endpoint(settings.embeddings_url)
        self.at = shown_address(self.url)
        """Where that is, for people."""
        self.metrics = metrics or EmbeddingMetrics.of()
        self._price = settings.embeddings_price
        self._seconds = settings.embeddings_timeout
        self._shorten: int | None = None
        self._dimensions: int | None = None
        key = settings.embeddings_api_key
        self._client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx2.Timeout(self._seconds, connect=min(CONNECT_SECONDS, self._seconds)),
            trust_env=False,
            transport=httpx2.AsyncHTTPTransport(trust_env=False, socket_options=KEEP_ALIVE),
        )

    async def fit(self, wanted: int, *, shorten: bool) -> None:
        """Make sure that the model gives `wanted` numbers a text, by a trial; what is longer is asked to be
        shortened, if that is wished. Raises UsageError if it gives others, EmbeddingError if it cannot be
        asked."""
        self._dimensions = self._shorten = None
        found = (await self.trial()).dimensions
        if found != wanted and shorten:
            self._shorten = wanted
            try:
                found = (await self.trial()).dimensions
            except EmbeddingError as error:  # most models cannot
                if not error.outcome == "refused":
                    raise
        if found != wanted:
            raise UsageError(misfit(self.model, found, wanted))
        self._dimensions = wanted

    async def trial(self) -> Embedded:
        """The embedding of a harmless text, soon. Raises EmbeddingError."""
        return await self.embed([HARMLESS], min(TRIAL_SECONDS, self._seconds))

    def spent(self, embedded: Embedded) -> Spent:
        """What such an answer costs."""
        dollars = None if self._price is None else embedded.tokens * self._price / _MILLION
        return Spent(embedded.tokens, dollars)

    async def embed(self, texts: Sequence[str], seconds: float | None = None) -> Embedded:
        """The embeddings of some texts, none of them empty, by one call. Raises EmbeddingError."""
        try:
            async with asyncio.timeout(seconds or self._seconds):
                embedded = await self._asked(texts)
            if self._dimensions not in (None, embedded.dimensions):
                raise garbled(
                    self.at, f"{embedded.dimensions:,} numbers a text, and not {self._dimensions:,}"
                )
        except EmbeddingError as error:
            self.metrics.calls.labels(self.model, error.outcome).inc()
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            failure = of_exception(error, url=self.at)
            self.metrics.calls.labels(self.model, failure.outcome).inc()
            raise failure from None
        self.metrics.calls.labels(self.model, "ok").inc()
        self.metrics.tokens.labels(self.model).inc(embedded.tokens)
        if (dollars := self.spent(embedded).cost) is not None:
            self.metrics.cost.labels(self.model).inc(dollars)
        return embedded

    async def _asked(self, texts: Sequence[str]) -> Embedded:
        asked: dict[str, object] = {"model": self.model, "input": list(texts)}
        if self._shorten is not None:  # others refuse the name itself
            asked["dimensions"] = self._shorten
        request = self._client.build_request(
            "POST", self.url, content=orjson.dumps(asked), headers={"Content-Type": "application/json"}
        )
        response = await self._client.send(request, stream=True)
        try:
            if response.status_code != httpx2.codes.OK:
                body = await _first(response, ERROR_BYTES)
                raise of_status(response.status_code, response.headers, body, url=self.at, model=self.model)
            if "html" in response.headers.get("content-type", "").lower():
                raise no_api(self.at)
            body = await _first(response, MOST_BYTES + 1)
        finally:
            await response.aclose()
        if len(body) > MOST_BYTES:
            raise garbled(self.at, f"more than {MOST_BYTES:,} bytes")
        try:
            return read_answer(body, len(texts))
        except NoEmbeddingsError as error:
            raise garbled(self.at, str(error)) from None

    async def close(self) -> None:
        """Drop connections. Safe to call twice."""
        await self._client.aclose()


@asynccontextmanager
async def opened_embedder(
    settings: Settings, metrics: EmbeddingMetrics | None = None
) -> AsyncIterator[Embedder]:
    """The embedder of the settings, which must name a server, for the block."""
    embedder = Embedder(settings, metrics)
    try:
        yield embedder
    finally:
        await embedder.close()


def endpoint(url: str) -> str:
    """Where calls go: the address as it is given, with what is left out of its path."""
    if url.endswith("/embeddings"):
        return url
    return f"{url}/embeddings" if url.endswith("/v1") else f"{url}/v1/embeddings"


async def _first(response: httpx2.Response, most: int) -> bytes:
    """At most so many bytes of a body."""
    found = bytearray()
    async for piece in response.aiter_bytes():
        found += piece
        if len(found) >= most:
            break
    return bytes(found[:most])
