"""Message Batches: many chunks at half price, within a day. A batch's id is stored before it is waited for.

What a batch could not do (errored, expired, canceled, cut or broken replies) goes back to single calls, which
read it or say why it is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import anthropic
import orjson
import structlog
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from shared.errors import ModelError, UsageError
from shared.events import ChunkReady, Usage
from shared.models.base import Extraction
from shared.models.claude.caller import Caller, CallRefusedError, Patience
from shared.models.claude.extraction import ChunkReader
from shared.models.claude.request import CutReplyError, RefusedReplyError
from shared.models.claude.schema import InvalidReplyError
from shared.models.claude.together import together
from shared.models.claude.usage import Tally, usage_of
from shared.models.ledger import BatchLedger, OpenBatch

MAX_REQUESTS = 10_000
MAX_BYTES = 200 * 1024**2
"""Of one batch; the API takes 100,000 requests or 256 MB, but the results of a batch are held in memory."""
CLOCK_SKEW = timedelta(minutes=2)
POLL_GROWTH, POLL_CAP = 1.5, 5.0
"""Each look waits longer, up to so many times the first wait."""

T = TypeVar("T")
Answer = Extraction | ModelError
Single = Callable[[ChunkReady, Usage], Coroutine[Any, Any, Answer]]
"""Reads one chunk by calls of its own; the usage is what it cost before."""

log = structlog.get_logger(__name__)


class BatchReader:
    """Reads chunks in batches with one caller."""

    def __init__(self, caller: Caller, reader: ChunkReader, single: Single, prompt_version: str) -> None:
        self._caller = caller
        self._reader = reader
        self._single = single
        self._prompt_version = prompt_version

    async def read(
        self, chunks: Iterable[ChunkReady], ledger: BatchLedger
    ) -> AsyncGenerator[tuple[ChunkReady, Answer], None]:
        """Every chunk with its extraction, or with the error that says why it is dead, in any order.

        Batches of an earlier process that hold some of the chunks are taken up, not paid for again. The
        chunks are held in memory until they are answered: give some thousands at a time.
        """
        waiting: dict[str, list[ChunkReady]] = {}
        for chunk in chunks:
            waiting.setdefault(chunk.content_hash, []).append(chunk)
        running = [batch for batch in await ledger.open_batches() if self._is_ours(batch, waiting)]
        covered = {each for batch in running for each in batch.hashes}
        todo = [same[0] for key, same in waiting.items() if key not in covered]
        known = {batch.batch_id for batch in running}
        for requests in self._batches(todo):
            batch = await self._create(requests, known)
            await ledger.opened(batch)
            known.add(batch.batch_id)
            running.append(batch)
        for batch in running:
            async with aclosing(self._results(batch, waiting)) as results:
                async for result in results:
                    yield result

    def _is_ours(self, batch: OpenBatch, waiting: dict[str, list[ChunkReady]]) -> bool:
        same = batch.model == self._caller.options.model and batch.prompt_version == self._prompt_version
        return same and any(key in waiting for key in batch.hashes)

    def _batches(self, chunks: Sequence[ChunkReady]) -> Iterator[list[dict[str, Any]]]:
        requests: list[dict[str, Any]] = []
        size = 0
        for chunk in chunks:
            parameters = {"model": self._caller.options.model, **self._reader.parameters(chunk)}
            request = {"custom_id": chunk.content_hash, "params": parameters}
            length = len(orjson.dumps(request))
            if requests and (len(requests) == MAX_REQUESTS or size + length > MAX_BYTES):
                yield requests
                requests, size = [], 0
            requests.append(request)
            size += length
        if requests:
            yield requests

    async def _create(self, requests: list[dict[str, Any]], known: set[str]) -> OpenBatch:
        """Creates a batch. If the answer was lost it may exist: it is looked for, not paid for twice."""
        client = self._caller.client
        began = datetime.now(UTC) - CLOCK_SKEW
        tried = False

        async def create() -> MessageBatch:
            nonlocal tried
            if tried and (found := await self._lost(len(requests), began, known)) is not None:
                return found
            tried = True
            try:
                return await client.messages.batches.create(requests=requests)  # type: ignore[arg-type]
            except anthropic.NotFoundError:
                raise UsageError(
                    f"{self._caller.base_url} has no Message Batches: unset SOULPRINT_MODEL_BATCH"
                ) from None

        created = await self._tried(create)
        log.info("batch created", batch=created.id, chunks=len(requests))
        return OpenBatch(
            batch_id=created.id,
            model=self._caller.options.model,
            prompt_version=self._prompt_version,
            hashes=tuple(request["custom_id"] for request in requests),
        )

    async def _lost(self, size: int, began: datetime, known: set[str]) -> MessageBatch | None:
        page = await self._caller.client.messages.batches.list(limit=20)
        for batch in page.data:
            counts = batch.request_counts
            total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
            if batch.created_at >= began and total == size and batch.id not in known:
                return batch
        return None

    async def _results(
        self, batch: OpenBatch, waiting: dict[str, list[ChunkReady]]
    ) -> AsyncGenerator[tuple[ChunkReady, Answer], None]:
        back: list[tuple[list[ChunkReady], Usage]] = []
        try:
            await self._ended(batch.batch_id)
            for item in await self._items(batch.batch_id):
                same = waiting.pop(item.custom_id, None)
                if same is None:
                    continue
                answer, paid = self._answer(same[0], item)
                if answer is None:
                    back.append((same, paid))
                else:
                    for pair in _shared(same, answer):
                        yield pair
        except CallRefusedError as error:
            log.warning("batch is lost", batch=batch.batch_id, reason=error.reason)
        back += [(waiting.pop(key), Usage()) for key in batch.hashes if key in waiting]
        at_a_time = self._caller.options.concurrency * 2
        for start in range(0, len(back), at_a_time):
            some = back[start : start + at_a_time]
            answers = await together(self._single(same[0], paid) for same, paid in some)
            for (same, _), answer in zip(some, answers, strict=True):
                for pair in _shared(same, answer):
                    yield pair

    def _answer(self, chunk: ChunkReady, item: MessageBatchIndividualResponse) -> tuple[Answer | None, Usage]:
        """The chunk's answer, or None and what was paid if it must be asked again by itself."""
        message = item.result.message if item.result.type == "succeeded" else None
        if message is None:
            return None, Usage()
        options = self._caller.options
        usage = usage_of(message, options.model, options.prices, batch=True)
        self._caller.total.add(usage)
        try:
            return Extraction(self._reader.accept(chunk, message), usage), usage
        except RefusedReplyError as error:
            return ModelError(str(error), usage=usage), usage
        except (InvalidReplyError, CutReplyError):
            return None, usage

    async def _ended(self, batch_id: str) -> None:
        """Wait until a batch has ended."""

        async def look() -> MessageBatch:
            try:
                return await self._caller.client.messages.batches.retrieve(batch_id)
            except anthropic.NotFoundError:
                raise CallRefusedError("the provider no longer knows the batch") from None

        first = wait = self._caller.options.batch_poll
        while (await self._tried(look)).processing_status != "ended":
            await asyncio.sleep(wait)
            wait = min(wait * POLL_GROWTH, first * POLL_CAP)

    async def _items(self, batch_id: str) -> list[MessageBatchIndividualResponse]:
        """The results of a batch that has ended, whole: half a file is asked for again."""

        async def some() -> list[MessageBatchIndividualResponse]:
            decoder = await self._caller.client.messages.batches.results(batch_id)
            return [item async for item in decoder]

        return await self._tried(some)

    async def _tried(self, send: Callable[[], Awaitable[T]]) -> T:
        patience = Patience.begin(self._caller.lane, self._caller.options.retry.deadline)
        return await self._caller.tried(send, tally=Tally(whole=self._caller.total), patience=patience)


def _shared(same: Sequence[ChunkReady], answer: Answer) -> Iterator[tuple[ChunkReady, Answer]]:
    """The answer for each of the chunks with this content; the first one bears the cost."""
    for place, chunk in enumerate(same):
        if place and isinstance(answer, Extraction):
            answer = replace(answer, usage=Usage())
        yield chunk, answer
