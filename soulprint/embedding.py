"""After `soulprint run`: the passages of its user are embedded, where a server is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TextIO
from uuid import UUID

import structlog

from services.writer.filling import Filler
from services.writer.fit import require_fit
from shared.domain.errors import SoulprintError
from shared.domain.plurals import counted, plural
from shared.models.embeddings.careful import Careful, Patience
from shared.models.embeddings.client import opened_embedder
from shared.models.embeddings.failures import EmbeddingError
from shared.settings import Settings
from shared.store.store import Store
from soulprint.terminal import say

STOPPED_EMBEDDING = (
    "stopped. The memory is stored and its files are written, but some passages have no embedding: "
    "the same command goes on."
)
TELL_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def check_model(store: Store, settings: Settings) -> None:
    """Before a run: raises UsageError where the model gives another number of numbers than the column takes.
    A server that is away is no reason not to run."""
    try:
        async with opened_embedder(settings) as embedder:
            await require_fit(store, embedder, settings)
    except EmbeddingError as error:
        log.warning("embeddings cannot be tried yet", reason=error.reason)


async def embed_passages(
    store: Store, settings: Settings, user_id: UUID, *, stream: TextIO | None = None
) -> dict[str, Any]:
    """Embed what the user's passages lack. Answers what that gave and cost, how many still lack one, and why;
    a server that cannot be used is waited for as long as MODEL_PATIENCE has it. `stream`: where progress is
    told."""
    before = await _cost(store, user_id)
    why = ""
    filler = None
    try:
        async with opened_embedder(settings) as embedder:
            patience = replace(Patience(), lane=settings.model_patience)
            careful = Careful(embedder, settings.embeddings_batch, patience)
            check = partial(require_fit, store, embedder, settings)
            try:
                await check()
                owner = f"soulprint run {user_id}"  # whose lock is ours: what it held before is free
                await store.release_passages(owner)
                filler = Filler(
                    store,
                    careful,
                    owner=owner,
                    lease=settings.lease_seconds,
                    limit=settings.embeddings_batch,
                    user_id=user_id,
                    check=check,
                )
                async with _shown(store, filler, user_id, stream):
                    await filler.fill()
            finally:
                await careful.close()
    except EmbeddingError as error:
        why = error.reason
    except SoulprintError as error:
        why = str(error)
    counts = await store.tell_embeddings(user_id)
    calls, tokens, cost = await _cost(store, user_id)
    return {
        "embedded": 0 if filler is None else filler.embedded,
        "passages": counts.passages,
        "lacking": counts.lacking,
        "refused": counts.refused,
        "why": why,
        "calls": calls - before[0],
        "input_tokens": tokens - before[1],
        "cost": None if cost is None or before[2] is None else cost - before[2],
    }


def told(embeddings: Mapping[str, Any]) -> list[str]:
    """What is said of them at the end of a run."""
    lines = []
    if embeddings["embedded"]:
        cost = embeddings["cost"]
        dollars = "at a price that is not known" if cost is None else f"${cost:,.4f}"
        calls, tokens = counted(embeddings["calls"], "call"), counted(embeddings["input_tokens"], "token")
        lines.append(f"{counted(embeddings['embedded'], 'passage')} embedded: {calls}, {tokens}, {dollars}")
    if waiting := embeddings["lacking"] - embeddings["refused"]:
        has = plural(waiting, "has", "have")
        why = embeddings["why"] or "others embed them"
        lines.append(f"{counted(waiting, 'passage')} {has} no embedding yet: {why}; the same command goes on")
    if refused := embeddings["refused"]:
        lines.append(f"{counted(refused, 'passage')} cannot be embedded: empty, or refused by the server")
    return lines


async def _cost(store: Store, user_id: UUID) -> tuple[int, int, float | None]:
    for usage in await store.read_embedding_usage(user_id):
        return usage.calls, usage.input_tokens, usage.cost
    return 0, 0, 0.0


@asynccontextmanager
async def _shown(store: Store, filler: Filler, user_id: UUID, stream: TextIO | None) -> AsyncIterator[None]:
    """A line in a while, on standard error."""
    if stream is None:
        yield
        return
    task = asyncio.create_task(_tell(store, filler, user_id, stream))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _tell(store: Store, filler: Filler, user_id: UUID, stream: TextIO) -> None:
    whole = (await store.tell_embeddings(user_id)).waiting
    while True:
        await asyncio.sleep(TELL_SECONDS)
        say(f"embedding: {filler.embedded:,} of {counted(whole, 'passage')}", to=stream)
