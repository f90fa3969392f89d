"""The chunker on the log: import.received of its pipeline in, chunks.ready out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.chunker.reading import TASK
from services.chunker.stage import Imports
from shared.domain.events import ImportReceived
from shared.exports.readers import Readers
from shared.host.service import Kit, Service
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.resilience.retry import RetryPolicy

IMPORTS = 32
"""Imports in work at a time: most of them wait for their window, with their export open."""
OF_ONE = 4
"""Imports of one person in work at a time: others find a place, however many somebody has."""
OF_REPLAYS = IMPORTS // 4
"""Imports of replays in work at a time: they last, and what somebody waits for finds a place at once."""
DEADLINE = 30 * 24 * 3600.0
"""Seconds: an import lasts as long as its extraction, which may wait days for its provider."""
ATTEMPTS = 40
"""Within some ten minutes: storage may be away for a while, and a dead import is a whole history."""
GRACE = 2.0
"""Seconds that a shutdown or a rebalance waits: an import is long, and goes on where it was interrupted."""


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Many imports at a time, few of each person, each within its window."""
    imports = Imports(kit, Readers(TASK, kit.settings, kit.workers))
    yield Service(
        per_record("chunker", ImportReceived, imports.handle, on_dead=imports.give_up),
        PoolPolicy(
            ceiling=IMPORTS,
            of_one=OF_ONE,
            of_replays=OF_REPLAYS,
            revoke_grace=GRACE,
            retry=RetryPolicy(attempts=ATTEMPTS, deadline=DEADLINE),
        ),
        grace=GRACE,
        probe=kit.database_answers,
    )
