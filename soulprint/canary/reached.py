"""The database that the canary lives in, and what is said where it does not answer. Kafka is not needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.domain.errors import StoreError, UnansweredError
from shared.settings import Settings
from shared.store.open import opened_store
from shared.store.store import Store

_DOWN = ("08", "53", "57")
"""Classes of SQLSTATE of a database that is not there, full, or starts or stops."""
MEANWHILE = (
    "The canary lives in the database alone. While it is down no import is taken and nothing is decided: "
    "none goes to v2. Bring it back, then ask again; `soulprint doctor` says what is wrong with it."
)
UNKNOWN = "Whether anything was changed is not known: `soulprint canary show` tells, once it answers."


@asynccontextmanager
async def policy_store(settings: Settings, *, meanwhile: str = MEANWHILE) -> AsyncIterator[Store]:
    """The store. Raises StoreError; where the database is down, its text says what to do meanwhile."""
    asked = False
    try:
        async with opened_store(settings, connections=2) as store:
            asked = True
            yield store
    except StoreError as error:
        if not _is_down(error):
            raise
        unsure = f" {UNKNOWN}" if asked else ""
        said = str(error).rstrip(".")
        end = "" if said.endswith("?") else "."
        raise StoreError(f"{said}{end}{unsure} {meanwhile}", sqlstate=error.sqlstate) from None


def _is_down(error: StoreError) -> bool:
    """True where nobody answered; an answer that is a refusal says itself what to do."""
    if error.sqlstate is not None:
        return error.sqlstate[:2] in _DOWN
    return isinstance(error, UnansweredError) or "cannot be reached" in str(error)
