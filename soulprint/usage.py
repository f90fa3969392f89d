"""`soulprint usage`: what models cost, by user, over all runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.domain.ids import user_id_for
from shared.domain.plurals import counted
from shared.settings import load_settings
from shared.store.embeddings import EmbeddingUsage
from shared.store.open import opened_store
from shared.store.usage import UserUsage
from soulprint.blocks import block
from soulprint.naming import Names, called, names_of
from soulprint.outputs import unanswered
from soulprint.terminal import say, say_json


def usage_command(user: str | None, *, as_json: bool) -> None:
    """Print what each user cost, the dearest first; or one user."""
    found, embeddings, names = asyncio.run(_read(user))
    if as_json:
        rows = [
            {
                **each.model_dump(mode="json"),
                "user_name": names.get(each.user_id),
                "embeddings": _as_json(embeddings.get(each.user_id)),
            }
            for each in found
        ]
        say_json(rows, indent=True)
        return
    blocks = [_block(each, embeddings.get(each.user_id), names) for each in found]
    say(*blocks or ["no runs yet"])
    if lost := sum(each.unanswered for each in found):
        say(block(unanswered(lost)))


Embeddings = Mapping[UUID, EmbeddingUsage]


async def _read(user: str | None) -> tuple[list[UserUsage], Embeddings, Names]:
    user_id = None if user is None else user_id_for(user)
    async with opened_store(load_settings()) as store:
        found = await store.read_usage(user_id)
        embeddings = {each.user_id: each for each in await store.read_embedding_usage(user_id)}
        return found, embeddings, await names_of(store, (each.user_id for each in found))


def _block(each: UserUsage, embeddings: EmbeddingUsage | None, names: Names) -> str:
    tokens = (
        f"tokens: {_tokens(each.input_tokens)} in, {_tokens(each.output_tokens)} out, "
        f"{_tokens(each.cache_read_tokens)} cached"
    )
    beside = (
        ""
        if embeddings is None
        else (
            f"embeddings: {_dollars(embeddings.cost)}, {counted(embeddings.passages, 'passage')}, "
            f"{counted(embeddings.calls, 'call')}; tokens: {_tokens(embeddings.input_tokens)}"
        )
    )
    return block(
        f"{called(names, each.user_id)}: {_dollars(each.cost)}",
        f"{counted(each.runs, 'run')}, {counted(each.calls, 'call')}; {tokens}",
        beside,
    )


def _as_json(embeddings: EmbeddingUsage | None) -> dict[str, Any] | None:
    return None if embeddings is None else embeddings.model_dump(mode="json", exclude={"user_id"})


def _dollars(cost: float | None) -> str:
    return "at a price that is not known" if cost is None else f"${cost:,.4f}"


def _tokens(count: int) -> str:
    """In few characters; --json has them all."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:,.1f}{unit}"
    return str(count)
