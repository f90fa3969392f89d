"""`soulprint dead drop`: nothing is to be done about letters."""

from __future__ import annotations

import asyncio
from uuid import UUID

from shared.domain.plurals import counted
from shared.settings import load_settings
from shared.store.dead_letters import LetterFilter, LetterRow
from shared.store.open import opened_store
from soulprint.asked import Asked
from soulprint.terminal import say, say_fitted, say_json


def drop_command(which: LetterFilter, asked: Asked, *, as_json: bool) -> int:
    """Note it. Answers 0; 1 where one of them is not there, or was requeued."""
    dropped, rows = asyncio.run(_drop(which, asked))
    before = {row.id: row.state for row in rows}
    left = {each: before.get(each, "unknown") for each in which.ids or () if each not in dropped}
    if as_json:
        say_json({"dropped": dropped, "left": [{"id": each, "reason": why} for each, why in left.items()]})
    else:
        say(f"{counted(len(dropped), 'letter')} dropped; the records stay until retention takes them")
        for each, why in left.items():
            told = {"unknown": "there is no such letter", "dropped": "it was dropped before"}
            say_fitted(f"{each}: {told.get(why, 'it was requeued')}", err=True)
    return int(any(why != "dropped" for why in left.values()))


async def _drop(which: LetterFilter, asked: Asked) -> tuple[list[UUID], list[LetterRow]]:
    ids = list(which.ids or ())
    async with opened_store(load_settings(), connections=2) as store:
        rows = await store.find_dead_letters(which, limit=len(ids) + 1)
        return await store.settle_dead_letters(ids, "dropped", by=asked.by, reason=asked.reason), rows
