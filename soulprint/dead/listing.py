"""`soulprint dead list`: how many letters there are, of which topic, and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from shared.domain.plurals import counted
from shared.settings import load_settings
from shared.store.dead_letters import LetterFilter, LetterGroup, LetterList, LetterRow
from shared.store.open import opened_store
from shared.store.store import Store
from soulprint.blocks import block, fitted
from soulprint.terminal import say, say_fitted, say_json
from soulprint.wording import at

PAGE = 1000
MOST_GROUPS = 1000
UNLED = (
    "there may be more: a consolidator reads dead-letter topics, and none does at present. Start one "
    "(`soulprint up`, or `soulprint serve consolidator`); if one runs, `soulprint status` says what holds it."
)
NONE = (
    "no dead letter is known. A chunk that the model refused leaves none, since its record was handled: "
    "`soulprint replay plan --only dead` finds it."
)


def list_command(asked: LetterFilter, *, ids: bool, as_json: bool) -> None:
    """Print the groups, or the ids of the letters."""
    if ids:
        asyncio.run(_print_ids(asked, as_json=as_json))
        return
    found = asyncio.run(_list(asked))
    if as_json:
        say_json(found.model_dump(mode="json"), indent=True)
        return
    say(*_told(found))
    if not found.led:
        say_fitted(UNLED, err=True)


async def _list(asked: LetterFilter) -> LetterList:
    async with opened_store(load_settings(), connections=2) as store:
        return await store.list_dead_letters(asked, MOST_GROUPS)


async def _print_ids(asked: LetterFilter, *, as_json: bool) -> None:
    async with opened_store(load_settings(), connections=2) as store:
        if as_json:
            say_json([str(row.id) async for row in each_letter(store, asked)])
            return
        async for row in each_letter(store, asked):
            say(str(row.id))


async def each_letter(store: Store, asked: LetterFilter) -> AsyncIterator[LetterRow]:
    """Every letter that is asked for, in the order in which they lie; a page at a time is held."""
    after = None
    while page := await store.find_dead_letters(asked, after=after, limit=PAGE):
        for row in page:
            yield row
        after = page[-1].key


def _told(found: LetterList) -> list[str]:
    if not found.groups:
        return [fitted(NONE)]
    lines = [_block(each) for each in found.groups]
    total = sum(each.open for each in found.groups)
    every = sum(each.open + each.requeued + each.dropped for each in found.groups)
    more = f" The {MOST_GROUPS:,} largest groups are shown." if len(lines) == MOST_GROUPS else ""
    return [*lines, f"{counted(every, 'letter')}, {total:,} open.{more}"]


def _block(group: LetterGroup) -> str:
    why = f"{group.reason or 'no reason told'}" + (f" ({group.error_class})" if group.error_class else "")
    done = [
        f"{count:,} {what}"
        for count, what in (
            (group.requeued, "requeued"),
            (group.dropped, "dropped"),
            (group.again, "buried again"),
            (group.gone, "of the open ones past retention"),
        )
        if count
    ]
    return block(
        f"{group.topic}  {group.open:,} open: {why}",
        ", ".join(done),
        f"oldest {at(group.oldest)}, newest {at(group.newest)}",
    )
