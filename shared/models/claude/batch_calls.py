"""Message Batches at the provider: created once, found again if the answer was lost, waited for, fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import anthropic
import structlog
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from shared.domain.addresses import shown_address
from shared.domain.batches import SENDING, OpenBatch
from shared.domain.errors import ModelUnavailableError, UsageError
from shared.models.claude.caller import Caller
from shared.models.claude.failures import CallRefusedError
from shared.models.claude.usage import Tally
from shared.models.ledger import BatchLedger

CLOCK_SKEW = timedelta(minutes=2)
POLL_GROWTH, POLL_CAP = 1.5, 5.0
"""Each look waits longer, up to so many times the first wait."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class BatchCalls:
    """The calls about batches, with one caller."""

    def __init__(self, caller: Caller, prompt_version: str) -> None:
        self._caller = caller
        self._prompt_version = prompt_version

    async def create(
        self, requests: Sequence[dict[str, Any]], ledger: BatchLedger, known: Set[str]
    ) -> OpenBatch:
        """Creates a batch. If the answer was lost it may exist: it is looked for, not paid for twice."""
        client = self._caller.client
        tried = False
        sending = OpenBatch(
            batch_id=f"{SENDING}{uuid4().hex}",
            model=self._caller.options.model,
            prompt_version=self._prompt_version,
            hashes=tuple(request["custom_id"] for request in requests),
            size=len(requests),
            begun_at=datetime.now(UTC),
        )
        await ledger.opened(sending)

        async def create() -> MessageBatch:
            nonlocal tried
            if tried and (found := await self._lost(sending, known)) is not None:
                return found
            tried = True
            try:
                return await client.messages.batches.create(requests=requests)  # type: ignore[arg-type]  # plain dicts
            except anthropic.NotFoundError:
                raise UsageError(
                    f"{shown_address(self._caller.base_url)} has no Message Batches: "
                    "unset SOULPRINT_MODEL_BATCH"
                ) from None

        try:
            created = await self._tried(create)
        except CallRefusedError as error:
            await ledger.void(sending.batch_id)
            raise ModelUnavailableError(
                f"the provider takes no batch of {len(requests)} requests: {error.reason}; "
                "check SOULPRINT_CLAUDE_MODEL, or unset SOULPRINT_MODEL_BATCH"
            ) from None
        except UsageError:
            await ledger.void(sending.batch_id)
            raise
        batch = sending.model_copy(update={"batch_id": created.id})
        await ledger.opened(batch, instead_of=sending.batch_id)
        log.info("batch created", batch=created.id, chunks=len(requests))
        return batch

    async def found(self, sent: OpenBatch, known: Set[str]) -> MessageBatch | None:
        """The batch that an earlier process was sending, if the provider has it."""
        try:
            return await self._tried(lambda: self._lost(sent, known))
        except CallRefusedError as error:
            raise ModelUnavailableError(f"the provider does not list its batches: {error.reason}") from None

    async def _lost(self, sent: OpenBatch, known: Set[str]) -> MessageBatch | None:
        """The batch that was sent, if the provider has it."""
        page = await self._caller.client.messages.batches.list(limit=20)
        for batch in page.data:
            counts = batch.request_counts
            total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
            alike = batch.created_at >= sent.begun_at - CLOCK_SKEW and total == sent.size
            if alike and batch.id not in known and await self._may_hold(batch, sent):
                return batch
        return None

    async def _may_hold(self, batch: MessageBatch, sent: OpenBatch) -> bool:
        if batch.processing_status != "ended":
            return True
        decoder = await self._caller.client.messages.batches.results(batch.id)
        ids = {item.custom_id async for item in decoder}
        return not ids.isdisjoint(sent.hashes)

    async def ended(self, batch_id: str) -> None:
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

    async def items(self, batch_id: str) -> list[MessageBatchIndividualResponse]:
        """The results of a batch that has ended, whole: half a file is asked for again."""

        async def some() -> list[MessageBatchIndividualResponse]:
            decoder = await self._caller.client.messages.batches.results(batch_id)
            return [item async for item in decoder]

        return await self._tried(some)

    async def _tried(self, send: Callable[[], Awaitable[T]]) -> T:
        deadline = self._caller.deadline()
        return await self._caller.tried(send, tally=Tally(whole=self._caller.total), deadline=deadline)
