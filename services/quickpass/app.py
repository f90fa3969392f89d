"""Quickpass on the log: import.received.v1 in, memory.ready.v1 out. First sections within seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.quickpass.backend import Backend
from services.quickpass.builtin import TASK
from services.quickpass.stage import QuickImports
from shared.domain.events import ImportReceived
from shared.exports.readers import Readers
from shared.host.service import Kit, Service, silence_of
from shared.host.sweeper import Sweeper
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.models.base import Metered
from shared.resilience.retry import RetryPolicy

IMPORTS = 32
"""Imports in work at a time: large ones give way to small ones, or wait for a download or the model."""
OF_ONE = 2
"""Imports of one person in work at a time."""
DEADLINE = 24 * 3600.0
"""Seconds for an import, downloads and calls tried again included."""
ATTEMPTS = 40
"""Within some ten minutes: storage may be away for a while."""
GRACE = 2.0
"""Seconds that a shutdown or a rebalance waits: what is kept is published by whoever comes next."""


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Many imports at a time, small ones first; sweeps its pipeline; looks after the predecessor's."""
    # Patience 0: a provider that cannot be used holds the pool's own lane.
    async with kit.open_model(patience=0.0, workers=0) as model:
        kit.metrics.models.watch(kit.name, model)
        backend = Backend(kit)
        imports = QuickImports(kit, Readers(TASK, kit.settings, kit.workers), model, backend)

        async def works() -> None:
            await kit.database_answers()
            if isinstance(model, Metered):
                await model.answers()

        yield Service(
            per_record("quickpass", ImportReceived, imports.handle, on_dead=imports.give_up),
            PoolPolicy(
                ceiling=IMPORTS,
                of_one=OF_ONE,
                revoke_grace=GRACE,
                retry=RetryPolicy(attempts=ATTEMPTS, deadline=DEADLINE),
            ),
            grace=GRACE,
            probe=works,
            tasks=(Sweeper(kit).run, backend.run),
            trouble=lambda: silence_of(model),
        )
