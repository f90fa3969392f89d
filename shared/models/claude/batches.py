"""Message Batches: many chunks at half price, within a day. A batch's id is stored before it is waited for.

What a batch could not do (errored, expired, canceled, cut or broken replies) goes back to single calls, which
read it or say why it is dead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from anthropic.types.messages import MessageBatchIndividualResponse

from shared.domain.batches import OpenBatch
from shared.domain.errors import CostLimitError, ModelError
from shared.domain.events import ChunkReady, Usage
from shared.models.base import Extraction
from shared.models.claude.batch_calls import BatchCalls
from shared.models.claude.caller import Caller
from shared.models.claude.extraction import ChunkReader
from shared.models.claude.failures import CallRefusedError
from shared.models.claude.parsing import InvalidReplyError
from shared.models.claude.request import CutReplyError, RefusedReplyError
from shared.models.claude.together import together
from shared.models.claude.usage import usage_of
from shared.models.ledger import BatchLedger

MAX_REQUESTS = 10_000
MAX_BYTES = 200 * 1024**2
"""Of one batch; the API takes 100,000 requests or 256 MB, but the results of a batch are held in memory."""

Answer = Extraction | ModelError
Single = Callable[[ChunkReady, Usage], Coroutine[Any, Any, Answer]]
"""Reads one chunk by calls of its own; the usage is what it cost before."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sent:
    """A batch that runs, and the dollars set aside for it."""

    batch: OpenBatch
    aside: float


@dataclass(slots=True)
class _Portion:
    """The requests of one batch, and the dollars set aside for them."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    aside: float = 0.0


class BatchReader:
    """Reads chunks in batches with one caller."""

    def __init__(self, caller: Caller, reader: ChunkReader, single: Single, prompt_version: str) -> None:
        self._caller = caller
        self._reader = reader
        self._single = single
        self._prompt_version = prompt_version
        self._calls = BatchCalls(caller, prompt_version)

    async def read(
        self, chunks: Iterable[ChunkReady], ledger: BatchLedger
    ) -> AsyncGenerator[tuple[ChunkReady, Answer], None]:
        """Every chunk with its extraction, or with the error that says why it is dead, in any order.

        Batches of an earlier process that hold some of the chunks are taken up, not paid for again. The
        chunks are held in memory until they are answered: give some thousands at a time. Under a limit on
        cost no more is sent at a time than may be paid at worst, and the rest when the real cost is known;
        raises CostLimitError once nothing fits any more and all that was sent is answered.
        """
        waiting: dict[str, list[ChunkReady]] = {}
        for chunk in chunks:
            waiting.setdefault(chunk.content_hash, []).append(chunk)
        running = await self._taken_up(waiting, ledger)
        covered = {each for sent in running for each in sent.batch.hashes}
        todo = deque(same[0] for key, same in waiting.items() if key not in covered)
        known = {sent.batch.batch_id for sent in running}
        while running or todo:
            while todo and (portion := self._portion(todo)).requests:
                batch = await self._calls.create(portion.requests, ledger, known)
                known.add(batch.batch_id)
                running.append(_Sent(batch, portion.aside))
            if not running:
                self._set_aside(todo[0])  # raises: not even one fits
            for sent in running:
                try:
                    async with aclosing(self._results(sent, waiting)) as results:
                        async for result in results:
                            yield result
                finally:
                    self._free(sent)
            running = []

    async def _taken_up(
        self, waiting: Mapping[str, Sequence[ChunkReady]], ledger: BatchLedger
    ) -> list[_Sent]:
        """The open batches that hold some of the chunks."""
        options = self._caller.options
        open_batches = await ledger.holding(options.model, self._prompt_version, list(waiting))
        known = {batch.batch_id for batch in open_batches}
        taken = []
        for batch in open_batches:
            if batch.sending:  # killed meanwhile: the provider may have it
                found = await self._calls.found(batch, known)
                if found is None:
                    await ledger.void(batch.batch_id)
                    continue
                created = batch.model_copy(update={"batch_id": found.id})
                await ledger.opened(created, instead_of=batch.batch_id)
                known.add(found.id)
                batch = created
            held = [waiting[key][0] for key in batch.hashes if key in waiting]
            aside = sum(self._caller.budget.worst(self._reader.forecast(chunk), batch=True) for chunk in held)
            self._caller.budget.reserved += aside
            taken.append(_Sent(batch, aside))
        return taken

    def _portion(self, todo: deque[ChunkReady]) -> _Portion:
        """The requests of the next batch, taken off `todo`; none if the limit on cost allows none now."""
        portion = _Portion()
        size = 0
        while todo and len(portion.requests) < MAX_REQUESTS:
            chunk = todo[0]
            parameters = {"model": self._caller.options.model, **self._reader.parameters(chunk)}
            request = {"custom_id": chunk.content_hash, "params": parameters}
            size += len(orjson.dumps(request))
            if portion.requests and size > MAX_BYTES:
                break
            try:
                portion.aside += self._set_aside(chunk)
            except CostLimitError:
                break
            portion.requests.append(request)
            todo.popleft()
        return portion

    def _set_aside(self, chunk: ChunkReady) -> float:
        if self._caller.options.max_cost is None:
            return 0.0
        return self._caller.budget.set_aside(self._reader.forecast(chunk), batch=True)

    def _free(self, sent: _Sent) -> None:
        self._caller.budget.reserved -= sent.aside
        sent.aside = 0.0

    async def _results(
        self, sent: _Sent, waiting: dict[str, list[ChunkReady]]
    ) -> AsyncGenerator[tuple[ChunkReady, Answer], None]:
        batch = sent.batch
        back: list[tuple[list[ChunkReady], Usage]] = []
        try:
            await self._calls.ended(batch.batch_id)
            for item in await self._calls.items(batch.batch_id):
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
        self._free(sent)  # what it cost is counted: the single calls may have the rest
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


def _shared(same: Sequence[ChunkReady], answer: Answer) -> Iterator[tuple[ChunkReady, Answer]]:
    """The answer for each of the chunks with this content; the first one bears the cost."""
    for place, chunk in enumerate(same):
        if place and isinstance(answer, Extraction):
            answer = replace(answer, usage=Usage())
        yield chunk, answer
