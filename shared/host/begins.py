"""Imports that kill who reads them: what is begun again and again without an end is given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.domain.errors import UnreadableExportError
from shared.domain.runs import RunKey
from shared.host.service import Kit, parting
from shared.store.driving import Taken

BEGINS: Final = 10
"""How often a run may be begun without coming further: each time the process was killed, or died, with it in
work. Whatever else it had in work is counted as well, so it takes more than a bad hour."""


@asynccontextmanager
async def begun(kit: Kit, key: RunKey, taken: Taken) -> AsyncIterator[None]:
    """A taken run in work, for the block. Raises UnreadableExportError if it was begun too often."""
    try:
        if taken.begins > BEGINS and kit.only is None:
            raise UnreadableExportError(
                f"its reading was begun {BEGINS} times, came no further, and each time the process that had "
                "it in work died; see why, then replay the import"
            )
        yield
    finally:
        async with parting():
            await kit.store.leave_run(*key)
