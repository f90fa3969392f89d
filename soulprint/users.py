"""`soulprint users`: whose memories this database keeps."""

from __future__ import annotations

import asyncio

from shared.domain.plurals import counted
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.users import UserRow
from soulprint.blocks import block
from soulprint.naming import told_accounts
from soulprint.terminal import say, say_json


def users_command(*, as_json: bool) -> None:
    """Print who has runs, whoever was seen last first."""
    found = asyncio.run(_read())
    if as_json:
        say_json([each.model_dump(mode="json") for each in found], indent=True)
        return
    say(*map(_block, found) if found else ("no users yet: `soulprint run EXPORT` makes the first",))


async def _read() -> list[UserRow]:
    async with opened_store(load_settings()) as store:
        return await store.list_users()


def _block(user: UserRow) -> str:
    memory = "has a memory" if user.has_memory else "has no memory"
    newest = f"the newest {user.state}, of {user.requested_at:%Y-%m-%d %H:%M} UTC"
    return block(
        user.name or str(user.user_id),
        str(user.user_id) if user.name else "",
        f"{memory}; {counted(user.runs, 'run')}, {newest}",
        told_accounts(user.lineages),
    )
