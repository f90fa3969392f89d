"""Fills the embeddings of passages that have none: claimed in the database, embedded, saved, until none is
left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from uuid import UUID

import structlog

from services.writer.saving import Batch, Saver
from shared.domain.errors import StoreError
from shared.domain.told import first_of
from shared.host.service import parting
from shared.models.embeddings.careful import Careful, Part
from shared.store.embeddings import ClaimedPassages, EmbeddedPassage, PassageToEmbed, RefusedPassage
from shared.store.store import Store

AT_ONCE = 2
"""Batches in work: while one is saved the next is embedded."""
EMPTY = "empty"
"""Why a passage without a word has no embedding: servers refuse it."""

log = structlog.get_logger(__name__)


async def nothing(_: UUID) -> None:
    """Nobody is told."""


class Filler:
    """Embeds what is claimed for `owner`, in batches of at most `limit`; claims are leases of `lease`
    seconds, prolonged while there are any. `user_id`: only theirs. `check` raises where the model does not
    fit; `began` is told whose passages were claimed."""

    def __init__(
        self,
        store: Store,
        careful: Careful,
        *,
        owner: str,
        lease: float,
        limit: int,
        user_id: UUID | None = None,
        check: Callable[[], Awaitable[None]],
        began: Callable[[UUID], Awaitable[None]] = nothing,
    ) -> None:
        self._store = store
        self._careful = careful
        self._owner = owner
        self._lease = lease
        self._limit = limit
        self._user_id = user_id
        self._began = began
        self._saver = Saver(store, careful, owner, check)

    @property
    def embedded(self) -> int:
        """Passages that were given an embedding."""
        return self._saver.stored

    async def fill(self) -> None:
        """Return when nothing is left to claim. Raises LaneError where patience has an end, StoreError."""
        first = await self._next()
        if first is None:
            return
        prolonging = asyncio.create_task(self._prolong())
        try:
            async with asyncio.TaskGroup() as group:
                for claimed in (first, *[None] * (AT_ONCE - 1)):
                    group.create_task(self._work(claimed))
        except BaseExceptionGroup as group_of:
            raise first_of(group_of) from None
        finally:
            prolonging.cancel()
            await asyncio.wait([prolonging])
            async with parting():  # else they are free when the lease ends
                await self._store.release_passages(self._owner)

    async def _work(self, claimed: ClaimedPassages | None) -> None:
        while (claimed := claimed or await self._next()) is not None:
            await self._began(claimed.user_id)
            await self._embed(claimed)
            claimed = None

    async def _next(self) -> ClaimedPassages | None:
        return await self._store.next_passages_to_embed(
            self._owner,
            self._lease,
            model=self._careful.embedder.model,
            limit=self._limit,
            user_id=self._user_id,
        )

    async def _embed(self, claimed: ClaimedPassages) -> None:
        passages = [each for each in claimed.passages if each.content.strip()]
        if empty := [refusal(each, EMPTY) for each in claimed.passages if not each.content.strip()]:
            await self._saver.save(Batch(claimed.user_id, refused=empty))
        async with aclosing(self._careful.embedded([each.content for each in passages])) as parts:
            async for part in parts:
                await self._saver.save(batch_of(claimed.user_id, passages, part))

    async def _prolong(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await self._store.renew_passages(self._owner, self._lease)
            except StoreError as error:
                log.warning("claims of passages are not prolonged", reason=str(error))


def batch_of(user_id: UUID, passages: Sequence[PassageToEmbed], part: Part) -> Batch:
    """What is saved of a part of the passages."""
    if part.vectors:
        embedded = [
            EmbeddedPassage(each.id, each.content_hash, vector)
            for each, vector in zip(passages[part.first :], part.vectors, strict=False)
        ]
        return Batch(user_id, embedded, calls=1, tokens=part.tokens, cost=part.cost)
    refused = replace(refusal(passages[part.first], part.refused), final=part.final)
    log.warning("a passage is not embedded", reason=part.refused, user_id=str(user_id), id=str(refused.id))
    return Batch(user_id, refused=[refused])


def refusal(passage: PassageToEmbed, reason: str) -> RefusedPassage:
    """That a passage is not embedded, and will not be."""
    return RefusedPassage(passage.id, passage.content_hash, reason, final=True)
