"""Passages, what their embeddings are at the stand-in, and what fills them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import orjson

from services.writer.filling import Filler
from services.writer.fit import require_fit
from shared.models.embeddings.careful import Careful, Patience
from shared.models.embeddings.client import Embedder
from shared.resilience.backoff import Backoff
from shared.settings import load_settings
from shared.store.embeddings import EmbeddedPassage, PassageToEmbed
from shared.store.store import Store
from tests.support.fake_embeddings import MODEL, FakeEmbeddings, embedding_settings, numbers_of
from tests.support.records import PassageOf

DAY = 86_400.0
BATCH = 8
HASTY = Patience(backoff=Backoff(0.001, 0.005), longest_wait=0.05, trials=Backoff(0.005, 0.01, jitter=0.0))
"""Short waits."""


def vector_of(text: str, dimensions: int = 64) -> str:
    """The embedding of a text, as it is stored."""
    return orjson.dumps(numbers_of(text, dimensions)).decode()


async def passages(store: Store, user: UUID, *contents: str, conversation: str = "c1") -> None:
    """Passages of one conversation, each a day older than the one before."""
    await store.save_chunks_batch(
        user,
        [
            PassageOf(
                conversation,
                index,
                content,
                created_at=1_700_000_000.0 - index * DAY,
                last=index == len(contents) - 1,
            )
            for index, content in enumerate(contents)
        ],
    )


async def claimed(
    store: Store, owner: str = "a", limit: int = 10, **more: object
) -> Sequence[PassageToEmbed]:
    """What is given out to this owner now."""
    found = await store.next_passages_to_embed(owner, 60.0, model=MODEL, limit=limit, **more)  # type: ignore[arg-type]
    return found.passages if found else ()


def given(passages: Sequence[PassageToEmbed], dimensions: int = 64) -> list[EmbeddedPassage]:
    """Each with its embedding."""
    return [
        EmbeddedPassage(each.id, each.content_hash, vector_of(each.content, dimensions)) for each in passages
    ]


async def embed_all(store: Store, user: UUID) -> None:
    """Embed whatever a user's passages lack."""
    found = await claimed(store, "all", 1000, user_id=user)
    await store.save_embeddings(user, "all", model=MODEL, embedded=given(found), calls=1)


@asynccontextmanager
async def filler_of(
    store: Store, fake: FakeEmbeddings, *, owner: str = "another", lease: float = 60.0
) -> AsyncIterator[Filler]:
    """A filler as of a process of its own."""
    settings = load_settings(**embedding_settings(fake))
    embedder = Embedder(settings)
    careful = Careful(embedder, BATCH, HASTY)
    check = partial(require_fit, store, embedder, settings)
    try:
        yield Filler(store, careful, owner=owner, lease=lease, limit=BATCH, check=check)
    finally:
        await careful.close()
        await embedder.close()
