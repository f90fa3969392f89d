"""The router: which pipeline an import goes to. The database decides, and knows what it decided before."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKind
from shared.pipelines import V1
from shared.requests.accept import Offer
from shared.settings import Settings
from shared.store.store import Store


@dataclass(frozen=True, slots=True)
class Routes:
    """Where an event goes, and those beside it: before it, since it is awaited, that of the quick run it is
    owed; last that of its shadow run."""

    pipeline: str
    reason: str | None
    """Why, if that was decided now."""
    offers: tuple[Offer, ...]


async def routes(event: ImportReceived, store: Store, settings: Settings) -> Routes:
    """The pipelines that an event goes to. Raises StoreError."""
    parent = event.import_id
    routed = await store.route_import(
        event,
        settings.pipeline,
        settings.profile_format,
        quick_id(parent),
        shadow_id(parent, settings.pipeline),
    )
    found = [Offer(event, routed.pipeline)]
    if (quick := routed.quick) is not None:
        beside = {"import_id": quick.import_id, "kind": RunKind.QUICK, "parent_id": parent}
        found.insert(0, Offer(event.model_copy(update=beside), V1))
    if (shadow := routed.shadow) is not None:
        beside = {"import_id": shadow.import_id, "kind": RunKind.SHADOW, "parent_id": parent}
        found.append(Offer(event.model_copy(update=beside), shadow.pipeline))
    return Routes(routed.pipeline, routed.reason, tuple(found))
