"""Embeddings: how many passages lack one, and whether the model fits the column."""

from __future__ import annotations

from shared.domain.errors import SoulprintError, StoreError
from shared.domain.plurals import counted, listed, plural
from shared.settings import Settings
from shared.store.store import Store
from soulprint.doctor.check import Check, found_if

CHAT = "the app's chat finds only passages that have one"


async def check_embeddings(store: Store, settings: Settings) -> Check:
    """Without a server nothing is missing, unless the table has the app's column."""
    try:
        return found_if("embeddings", *await _found(store, settings))
    except StoreError as error:
        return Check("embeddings", False, "not to be seen", str(error))


async def _found(store: Store, settings: Settings) -> tuple[bool, str, str]:
    """Whether all is well, what was found, and what to do where it is not. Raises StoreError."""
    column = await store.embedding_column()
    counts = await store.count_embeddings(total=True)
    lack = (
        f"{counts.lacking:,} of {counted(counts.passages or 0, 'passage')} "
        f"{plural(counts.lacking, 'lacks', 'lack')} an embedding"
    )
    if settings.embeddings_url is None:
        if column is None:
            return True, f"not used: no column for them; `show --search` goes by words, and {CHAT}", ""
        advice = f"{CHAT}: set SOULPRINT_EMBEDDINGS_URL and _MODEL to have the writer embed the others"
        return counts.lacking == 0, f"SOULPRINT_EMBEDDINGS_URL is not set; {lack}", advice
    found = f"{settings.embeddings_model} at {settings.embeddings_url}; {lack}"
    if counts.refused:
        found += f", {counts.refused:,} of which the server refused"
    if wrong := await _misfit(store, settings):
        return False, found, wrong
    if len(counts.models) > 1:
        return (
            False,
            f"{found}; embeddings are of {listed([*counts.models])}",
            "embeddings of two models cannot be compared: set conversation_chunks.embedding to null where it "
            "is not the one of SOULPRINT_EMBEDDINGS_MODEL",
        )
    return (
        counts.waiting == 0,
        found,
        f"{CHAT}: the writer embeds the others while it runs, and `soulprint run` at its end",
    )


async def _misfit(store: Store, settings: Settings) -> str:
    """Why the model cannot be used; empty if it can."""
    from services.writer.fit import require_fit  # an HTTP client is 10 MB
    from shared.models.embeddings.client import opened_embedder
    from shared.models.embeddings.failures import EmbeddingError

    try:
        async with opened_embedder(settings) as embedder:
            await require_fit(store, embedder, settings)
    except EmbeddingError as error:
        return error.reason
    except SoulprintError as error:
        return str(error)
    return ""
