"""The router: which pipeline an import goes to. The database decides, and knows what it decided before."""

from __future__ import annotations

from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id
from shared.domain.runs import RunKind
from shared.pipelines import V1
from shared.settings import Settings
from shared.store.store import Store


async def routes(
    event: ImportReceived, store: Store, settings: Settings
) -> tuple[tuple[ImportReceived, str], ...]:
    """Events and the pipelines they go to: the import's own, and before it, since it is awaited, that of the
    quick run it is owed. Raises StoreError."""
    routed = await store.route_import(
        event, settings.pipeline, settings.profile_format, quick_id(event.import_id)
    )
    own = (event, routed.pipeline)
    if routed.quick is None:
        return (own,)
    beside = {"import_id": routed.quick.import_id, "kind": RunKind.QUICK, "parent_id": event.import_id}
    return (event.model_copy(update=beside), V1), own
