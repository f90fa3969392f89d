"""Whether the model of the settings fits the column, asked before anything is embedded."""

from __future__ import annotations

from shared.domain.errors import UsageError
from shared.models.embeddings.client import Embedder
from shared.settings import Settings
from shared.store.embeddings import VECTOR_TYPES
from shared.store.store import Store


async def require_fit(store: Store, embedder: Embedder, settings: Settings) -> None:
    """Raises UsageError where the model gives another number of numbers than the column takes, or there is no
    column; EmbeddingError where the server cannot be asked; StoreError."""
    column = await store.embedding_column()
    if column is None:
        raise UsageError(
            "there is no column conversation_chunks.embedding: run `soulprint migrate` as the owner of the "
            "table, with SOULPRINT_EMBEDDINGS_URL set"
        )
    if column.type not in VECTOR_TYPES:
        raise UsageError(
            f"conversation_chunks.embedding: is {column.type}, needs {' or '.join(VECTOR_TYPES)}"
        )
    given = settings.embeddings_dimensions
    explicit = "embeddings_dimensions" in settings.model_fields_set
    wanted = column.dimensions or given
    if explicit and wanted != given:
        raise UsageError(
            f"SOULPRINT_EMBEDDINGS_DIMENSIONS is {given:,}, and the column conversation_chunks.embedding "
            f"takes {wanted:,}: unset it"
        )
    await embedder.fit(wanted, shorten=explicit)
