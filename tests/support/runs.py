"""Runs in the store as tests want them: requested and taken up."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from shared.domain.events import ImportReceived
from shared.store.accepting import AcceptedRun
from shared.store.store import Store


async def begin_run(
    store: Store,
    import_id: UUID,
    user_id: UUID,
    source: str,
    pipeline: str,
    *,
    variant: str = "",
    requested_at: datetime | None = None,
    on_log: bool = False,
) -> AcceptedRun:
    """Request a run as one process does, or (`on_log`) as for the services, and take it up. With
    `requested_at` its event comes unrequested, as of that time."""
    if requested_at is None:
        asked = await store.accept_import(
            import_id, user_id, source, pipeline, variant=variant, on_log=on_log
        )
    else:
        asked = _unrequested(import_id, source, pipeline, requested_at)
    event = ImportReceived(
        import_id=import_id,
        user_id=user_id,
        run=asked.run,
        source=source,
        requested_at=requested_at or datetime.now(UTC),
    )
    await store.take_run(event, pipeline, variant, on_log=on_log)
    return asked


def _unrequested(import_id: UUID, source: str, pipeline: str, requested_at: datetime) -> AcceptedRun:
    return AcceptedRun(
        import_id=import_id,
        run=1,
        resumed=False,
        requested_at=requested_at,
        source=source,
        pipeline=pipeline,
        state="received",
    )
