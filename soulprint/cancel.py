"""`soulprint cancel`: end an import that is under way."""

from __future__ import annotations

import asyncio

from shared.settings import load_settings
from shared.store.open import opened_store
from soulprint.status import newest_run, uuid_of
from soulprint.terminal import say


def cancel_command(import_id: str) -> int:
    """Cancel the newest run of an import. Answers 0, or 1 if it had ended before."""
    return asyncio.run(_cancel(import_id))


async def _cancel(text: str) -> int:
    import_id = uuid_of(text)
    async with opened_store(load_settings()) as store:
        run = await newest_run(store, import_id)
        cancelled = await store.cancel_run(import_id, run.run)
    say(f"run {run.run} is cancelled" if cancelled else f"run {run.run} had ended before: {run.state}")
    return 0 if cancelled else 1
