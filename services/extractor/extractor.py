"""The extractor: chunks in, grounded facts out; the cache answers for what was read before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from services.extractor.grounding import ground
from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, ChunkStatus, FactsExtracted
from shared.domain.facts import Fact
from shared.models.base import Extraction, Model, PartlyReadError


class CachedExtraction(Protocol):
    """What the store remembers of a chunk with the same content: facts, refusals, unread conversations."""

    @property
    def facts(self) -> tuple[Fact, ...]: ...

    @property
    def dropped(self) -> dict[str, int]: ...

    @property
    def unread(self) -> tuple[str, ...]: ...


class ExtractionCache(Protocol):
    """Looks up finished extractions by user, model, prompt version and content hash."""

    async def lookup_extractions(
        self, user_id: UUID, model: str, prompt_version: str, hashes: Sequence[str]
    ) -> Mapping[str, CachedExtraction]: ...


async def recall(
    chunks: Sequence[ChunkReady], cache: ExtractionCache, model: Model
) -> tuple[list[FactsExtracted], list[ChunkReady]]:
    """Split chunks into those the cache answers and those a model must read: one look-up a user."""
    answered: list[FactsExtracted] = []
    open_chunks: list[ChunkReady] = []
    by_user: dict[UUID, list[ChunkReady]] = {}
    for chunk in chunks:
        by_user.setdefault(chunk.user_id, []).append(chunk)
    for user_id, own in by_user.items():
        known = await cache.lookup_extractions(
            user_id, model.name, model.prompt_version, [chunk.content_hash for chunk in own]
        )
        for chunk in own:
            entry = known.get(chunk.content_hash)
            if entry is None:
                open_chunks.append(chunk)
            else:
                answered.append(
                    FactsExtracted.of(
                        chunk,
                        facts=tuple(entry.facts),
                        dropped=dict(entry.dropped),
                        unread=tuple(entry.unread),
                        cached=True,
                    )
                )
    return answered, open_chunks


async def extract(chunk: ChunkReady, model: Model) -> FactsExtracted:
    """Read one chunk with `model` and ground what it says.

    A chunk with none of the person's words is finished without a call. A chunk the model can never
    answer (ModelError) is dead, with the reason and what it cost; of one it could read in part
    (PartlyReadError) the facts are kept. Every other error is the caller's to retry.
    """
    if not chunk.has_own_words:
        return FactsExtracted.of(chunk)
    try:
        return concluded(chunk, await model.extract(chunk))
    except ModelError as error:
        return concluded(chunk, error)


def concluded(chunk: ChunkReady, answer: Extraction | ModelError) -> FactsExtracted:
    """What a model's answer for a chunk comes to, once it is grounded."""
    if isinstance(answer, ModelError) and not isinstance(answer, PartlyReadError):
        return FactsExtracted.of(chunk, ChunkStatus.DEAD, usage=answer.usage, error=str(answer))
    extraction = answer.extraction if isinstance(answer, PartlyReadError) else answer
    grounded = ground(chunk, extraction.candidates, own_words=extraction.own_words)
    dead = isinstance(answer, PartlyReadError)
    return FactsExtracted.of(
        chunk,
        ChunkStatus.DEAD if dead else ChunkStatus.OK,
        facts=tuple(grounded.facts),
        dropped=dict(grounded.dropped),
        unread=extraction.unread,
        usage=extraction.usage,
        error=str(answer) if dead else None,
    )
