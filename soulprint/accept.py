"""`soulprint accept`: serve a memory that is kept, beside the served one or since it was replaced."""

from __future__ import annotations

import asyncio

from shared.domain.errors import NotFoundError, UsageError
from shared.settings import load_settings
from shared.store.open import opened_store
from soulprint.status import uuid_of
from soulprint.terminal import say


def accept_command(import_id: str) -> None:
    """Serve the memory of an import, and keep what was served. Raises NotFoundError if none is kept,
    UsageError for one that would take another account's part away."""
    asyncio.run(_accept(import_id))


async def _accept(text: str) -> None:
    import_id = uuid_of(text)
    async with opened_store(load_settings()) as store:
        accepted = await store.accept_memory(import_id)
    if accepted.run is None:
        raise NotFoundError(f"no memory of import {import_id} is kept; `soulprint status` lists the imports")
    if accepted.reason == "apart":
        raise UsageError(
            f"the memory of run {accepted.run} was made before another account was imported, and lacks it: "
            "import its export again, with --replace; what was read of it costs no call"
        )
    if accepted.written:
        say(f"run {accepted.run} is served now; what it takes the place of is kept")
    else:
        say(f"run {accepted.run} is served already")
