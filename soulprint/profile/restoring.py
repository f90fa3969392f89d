"""`soulprint profile restore`: serve a version of a profile that is kept."""

from __future__ import annotations

import asyncio
from uuid import UUID

from shared.domain.errors import NotFoundError, UsageError
from shared.domain.ids import user_id_for
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.profiles import Accepted
from soulprint.asked import Asked, noted_by
from soulprint.naming import typed_name
from soulprint.terminal import say, say_json


def restore_command(user: str, version: int, by: str | None, reason: str | None, *, as_json: bool) -> None:
    """Serve the version, and keep what was served. Raises NotFoundError if there is none of this number,
    UsageError for one that is never served, or that would take another account's part away."""
    user_id = user_id_for(user)
    asked = noted_by(by, reason)
    restored = asyncio.run(_restore(user_id, version, asked))
    if restored.reason == "unknown":
        raise NotFoundError(
            f"no version {version} of {typed_name(user) or user_id} is kept: what was restored has its "
            "number no more. `soulprint profile list USER` has what is served and what is kept"
        )
    if restored.reason == "shadow":
        raise UsageError(
            f"version {version} is of a shadow run, which is made to be compared and never served"
        )
    if restored.reason == "apart":
        raise UsageError(
            f"version {version} was made before another account was imported, and lacks it: import its "
            "export again, with --replace; what was read of it costs no call"
        )
    if as_json:
        say_json({"user_id": user_id, "version": version, "run": restored.run})
        return
    of_run = "" if restored.run is None else f", of run {restored.run},"
    say(f"version {version}{of_run} is served now; what it takes the place of is kept")


async def _restore(user_id: UUID, version: int, asked: Asked) -> Accepted:
    async with opened_store(load_settings(), connections=2) as store:
        return await store.restore_version(user_id, version, who=asked.by, why=asked.reason)
