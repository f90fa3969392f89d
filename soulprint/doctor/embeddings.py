"""Embeddings: how many passages lack one, and whether the model fits the column."""

from __future__ import annotations

from shared.domain.addresses import shown_address
from shared.domain.errors import SoulprintError, StoreError
from shared.domain.plurals import counted, listed, plural
from shared.settings import Settings
from shared.store.store import Store
from soulprint.doctor.check import Check

CHAT = "the app's chat finds only passages that have an embedding"
_NAME = "embeddings"


async def check_embeddings(store: Store, settings: Settings) -> Check:
    """What lacks an embedding is told; wrong is only a server that cannot be used, or two models in one
    column."""
    try:
        column = await store.embedding_column()
        counts = await store.count_embeddings(total=True)
    except StoreError as error:
        return Check(_NAME, False, "not to be seen", str(error))
    lack = (
        f"{counts.lacking:,} of {counted(counts.passages or 0, 'passage')} "
        f"{plural(counts.lacking, 'lacks', 'lack')} an embedding"
    )
    if settings.embeddings_url is None:
        if column is None:
            found = "none, as SOULPRINT_EMBEDDINGS_URL is not set; search goes by words"
            return Check(_NAME, True, found, CHAT if settings.profile_format == "app" else "")
        found = f"SOULPRINT_EMBEDDINGS_URL is not set; {lack}"
        advice = f"{CHAT}: set SOULPRINT_EMBEDDINGS_URL and _MODEL to have the writer embed the others"
        return Check(_NAME, True, found, advice if counts.lacking else "")
    found = f"{settings.embeddings_model} at {shown_address(settings.embeddings_url)}; {lack}"
    if counts.refused:
        found += f", {counts.refused:,} of which the server refused"
    if wrong := await _misfit(store, settings):
        return Check(_NAME, False, found, wrong)
    if len(counts.models) > 1:
        return Check(
            _NAME,
            False,
            f"{found}; embeddings are of {listed([*counts.models])}",
            "embeddings of two models cannot be compared: set conversation_chunks.embedding to null where it "
            "is not the one of SOULPRINT_EMBEDDINGS_MODEL",
        )
    advice = f"{CHAT}: the writer embeds the others while it runs, and `soulprint run` at its end"
    return Check(_NAME, True, found, advice if counts.waiting else "")


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
