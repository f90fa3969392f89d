"""A stand-in that speaks /v1/embeddings over real HTTP: what is near in words is near in numbers."""

from __future__ import annotations

import asyncio
import base64
import math
import re
from array import array
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from zlib import crc32

import orjson

from shared.domain.text import estimate_tokens
from tests.support.fake_claude.http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    HttpServer,
    json_response,
)

MODEL = "words-1"
SAME = {"puppy": "dog", "hound": "dog", "automobile": "car", "physician": "doctor"}
"""Words that mean the same."""
HTML = HttpResponse(200, b"<!doctype html><title>It works!</title>", "text/html; charset=utf-8")


def numbers_of(text: str, dimensions: int) -> list[float]:
    """The embedding of a text: of length 1, its words in the places that follow from them."""
    found = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [text]:
        found[crc32(SAME.get(word, word).encode()) % dimensions] += 1.0
    length = math.sqrt(sum(each * each for each in found))
    return [each / length for each in found]


class FakeEmbeddings:
    """The stand-in, in this process."""

    def __init__(
        self, dimensions: int = 64, *, chances: Mapping[str, float] | None = None, seed: int = 0
    ) -> None:
        self.dimensions = dimensions
        self.chances = dict(chances or {})
        """Of each fault: see `_fault`."""
        self.api_key: str | None = None
        self.latency = 0.0
        self.retry_after: float | None = 0.01
        """Seconds that a 429 asks to wait."""
        self.base64 = False
        self.shortens = False
        """Whether the model takes `dimensions`."""
        self.most_texts: int | None = None
        """Of one call; more are refused."""
        self.longest: int | None = None
        """Characters of a text; a longer one is refused."""
        self.too_long = (400, "This model's maximum context length is 512 tokens.")
        self.poison: str | None = None
        """A call with a text that holds it is refused."""
        self.deadly: str | None = None
        """A call with a text that holds it meets a 500."""
        self.stops_at: int | None = None
        """After so many texts no call is answered any more."""
        self.usage = True
        self.served: Counter[str] = Counter()
        """How often each text was embedded."""
        self.tokens = 0
        self.calls: Counter[int] = Counter()
        """Calls by the status that they got."""
        self.sizes: Counter[int] = Counter()
        """Calls that were answered, by their number of texts."""
        self.last: dict[str, Any] = {}
        self.headers: Mapping[str, str] = {}
        self.in_flight = self.most_in_flight = 0
        self._rng = Random(seed)
        self._script: deque[str | None] = deque()
        self._server = HttpServer(self._handle)

    @property
    def url(self) -> str:
        """What EMBEDDINGS_URL may be."""
        return f"http://127.0.0.1:{self._server.port}/v1"

    @property
    def port(self) -> int:
        """Where it listens, or last did."""
        return self._server.port

    async def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any free one."""
        await self._server.start(port)

    async def stop(self) -> None:
        """Go down: connections are refused. `start(port)` brings it back."""
        await self._server.stop()

    def script(self, *faults: str | None) -> None:
        """The next calls meet these faults, None being none."""
        self._script.extend(faults)

    def texts(self) -> Iterable[str]:
        """Every text that was embedded, but those of trials."""
        return (text for text in self.served if text != "soulprint")

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = await self._answer(request)
        finally:
            self.in_flight -= 1
        self.calls[answer.status] += 1
        return answer

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(self.latency)
        if self.stops_at is not None and self.served.total() >= self.stops_at:
            await asyncio.Event().wait()
        self.headers = request.headers
        if request.path != "/v1/embeddings" or request.method != "POST":
            return _error(404, "no such path")
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return _error(401, "Incorrect API key provided")
        self.last = asked = orjson.loads(request.body)
        fault = self._script.popleft() if self._script else self._by_chance()
        if fault is not None:
            return await self._fault(fault)
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        return self._refusal(asked, texts) or self._embeddings(asked, texts)

    def _by_chance(self) -> str | None:
        drawn = self._rng.random()
        for fault, chance in self.chances.items():
            if drawn < chance:
                return fault
            drawn -= chance
        return None

    async def _fault(self, fault: str) -> HttpResponse:
        """A status by its number, or how else a server fails."""
        if fault == "drop":
            raise DropConnection
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "html":
            return HTML
        if fault == "no json":
            return HttpResponse(200, b'{"data": [{"embedding": [NaN]}]}')
        if fault == "too few":
            return json_response({"data": []})
        if fault == "large":
            return HttpResponse(200, b'{"data": "' + b"x" * 10_000 + b'"}')
        if fault == "billing":
            return _error(429, "You exceeded your current quota", kind="insufficient_quota")
        wait = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return _error(int(fault), "something is wrong", headers=wait if fault in ("429", "503") else {})

    def _refusal(self, asked: dict[str, Any], texts: list[str]) -> HttpResponse | None:
        if asked["model"] != MODEL:
            return _error(404, f"The model `{asked['model']}` does not exist.")
        if "dimensions" in asked and not self.shortens:
            return _error(400, "does not support matryoshka representation")
        if self.most_texts is not None and len(texts) > self.most_texts:
            return _error(422, f"batch size {len(texts)} > maximum allowed batch size {self.most_texts}")
        if not all(texts):
            return _error(400, "input cannot be an empty string")
        if self.longest is not None and any(len(text) > self.longest for text in texts):
            return _error(*self.too_long)
        if self.poison is not None and any(self.poison in text for text in texts):
            return _error(400, f"invalid input: {texts}")
        if self.deadly is not None and any(self.deadly in text for text in texts):
            return _error(500, "the runner has crashed")
        return None

    def _embeddings(self, asked: dict[str, Any], texts: list[str]) -> HttpResponse:
        found = [numbers_of(text, asked.get("dimensions", self.dimensions)) for text in texts]
        tokens = sum(map(estimate_tokens, texts))
        data = [
            {"object": "embedding", "index": index, "embedding": self._written(each)}
            for index, each in enumerate(found)
        ]
        self._rng.shuffle(data)
        answer: dict[str, Any] = {"object": "list", "data": data, "model": asked["model"]}
        if self.usage:
            answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}

        def delivered() -> None:
            self.served.update(texts)
            self.tokens += tokens
            self.sizes[len(texts)] += 1

        return json_response(answer, delivered=delivered)

    def _written(self, numbers: list[float]) -> list[float] | str:
        return base64.b64encode(array("f", numbers).tobytes()).decode() if self.base64 else numbers


def _error(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    body = {"error": {"message": message, "type": kind, "code": status}}
    return json_response(body, status, headers=dict(headers or {}))


@asynccontextmanager
async def fake_embeddings(dimensions: int = 64, **more: Any) -> AsyncIterator[FakeEmbeddings]:
    """A stand-in that listens."""
    fake = FakeEmbeddings(dimensions, **more)
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


def embedding_settings(fake: FakeEmbeddings, **changes: object) -> dict[str, object]:
    """The settings that lead to a stand-in."""
    return {
        "embeddings_url": fake.url,
        "embeddings_model": MODEL,
        "embeddings_dimensions": fake.dimensions,
        **changes,
    }
