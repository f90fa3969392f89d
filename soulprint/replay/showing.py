"""`soulprint replay list` and `show`: plans, and what became of them."""

from __future__ import annotations

import asyncio

from shared.domain.errors import UsageError
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.replays import ReplayItem, ReplayRow
from soulprint.blocks import block
from soulprint.naming import Names, called, names_of
from soulprint.replay.selecting import import_in
from soulprint.replay.wording import replay_as_json, told_figures, told_item, told_left_out, told_replay
from soulprint.terminal import say, say_json


def list_command(limit: int, *, as_json: bool) -> None:
    """Print replays, the newest first."""

    async def read() -> list[ReplayRow]:
        async with opened_store(load_settings(), connections=2) as store:
            return await store.list_replays(limit)

    found = asyncio.run(read())
    if as_json:
        say_json(list(map(replay_as_json, found)), indent=True)
        return
    say(*map(told_replay, found) if found else ("no replay was planned yet: `soulprint replay plan`",))


def show_command(plan: str, *, items: bool, after: int, limit: int, as_json: bool) -> None:
    """Print a replay; with `items` a page of its imports. Raises UsageError if there is none."""
    row, page, names = asyncio.run(_read(plan, items, after, limit))
    if as_json:
        shown = replay_as_json(row)
        if items:
            shown["page"] = [each.model_dump(mode="json") for each in page]
        say_json(shown, indent=True)
        return
    lines = [told_replay(row), *told_figures(row), *told_left_out(row)]
    lines += [told_item(each, called(names, each.user_id)) for each in page]
    if items and len(page) == limit:
        lines.append(block(f"more: --after {page[-1].position}"))
    say(*lines)


async def _read(plan: str, items: bool, after: int, limit: int) -> tuple[ReplayRow, list[ReplayItem], Names]:
    wanted = import_in(plan)
    async with opened_store(load_settings(), connections=2) as store:
        row = await store.read_replay(wanted)
        if row is None:
            raise UsageError(f"there is no plan {wanted}: `soulprint replay list` has all")
        page = await store.list_replay_items(wanted, after=after, limit=limit) if items else []
        return row, page, await names_of(store, (each.user_id for each in page))
