"""Search by meaning beside search by words, where passages have embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.domain.errors import SoulprintError, UsageError
from shared.domain.text import repair
from shared.settings import Settings
from shared.store.chunks import FoundPassage
from shared.store.store import Store

SHOWN = 20
"""Passages that a search finds."""
LOOKED_AT = 60
"""Passages of each kind that are ranked together."""
SMOOTHING = 60
"""Of reciprocal ranks: how little the first place is worth more than the second."""
SECONDS = 20.0
"""For the embedding of a search: somebody waits for it."""
MOST_CHARS = 2000
"""Of a search that is embedded."""


async def search(
    store: Store, settings: Settings, user_id: UUID, text: str
) -> tuple[Sequence[FoundPassage], str]:
    """Passages that hold every word of `text`, the newest first; where there are embeddings, these and those
    near in meaning, by both ranks. And why only words were looked for though a server is set, empty if not
    so."""
    if settings.embeddings_url is None or not text.strip():
        return await store.search_passages(user_id, text, SHOWN), ""
    by_words = await store.search_passages(user_id, text, LOOKED_AT)
    try:
        near = await _near(store, settings, user_id, text)
    except SoulprintError as error:
        return by_words[:SHOWN], str(error)
    return fused(by_words, near)[:SHOWN], ""


async def _near(store: Store, settings: Settings, user_id: UUID, text: str) -> list[FoundPassage]:
    # An HTTP client is 10 MB: it is imported where it is needed.
    from services.writer.fit import require_fit
    from shared.models.embeddings.client import opened_embedder
    from shared.models.embeddings.failures import EmbeddingError

    column = await store.embedding_column()
    if column is None:
        raise UsageError("no passage has an embedding")
    asked = [repair(text)[:MOST_CHARS]]
    try:
        async with opened_embedder(settings) as embedder:
            embedded = await embedder.embed(asked, SECONDS)
            if column.dimensions not in (None, embedded.dimensions):
                await require_fit(store, embedder, settings)  # perhaps it shortens
                embedded = await embedder.embed(asked, SECONDS)
    except EmbeddingError as error:
        raise SoulprintError(error.reason) from None
    return await store.search_embeddings(user_id, embedded.vectors[0], LOOKED_AT)


def fused(by_words: Sequence[FoundPassage], near: Sequence[FoundPassage]) -> list[FoundPassage]:
    """All of both, the best by reciprocal rank first; of one that is in both, the snippet is that of the
    words."""
    found: dict[tuple[str, int], FoundPassage] = {}
    scores: dict[tuple[str, int], float] = {}
    for ranked in (near, by_words):
        for rank, passage in enumerate(ranked):
            key = passage.conversation_id, passage.passage_index
            known = found.get(key)
            found[key] = (
                passage if known is None else passage.model_copy(update={"similarity": known.similarity})
            )
            scores[key] = scores.get(key, 0.0) + 1 / (SMOOTHING + rank)
    return sorted(found.values(), key=lambda each: -scores[each.conversation_id, each.passage_index])
