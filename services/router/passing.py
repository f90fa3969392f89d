"""Passing imports on to their lanes: those that an app published itself."""

from __future__ import annotations

from services.router.policy import routes
from shared.domain.events import ImportReceived
from shared.host.service import Kit
from shared.pipelines import lane_label
from shared.requests.lanes import Lanes


class Passing:
    """What the router does with an event."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._lanes = Lanes(kit.publisher)

    async def handle(self, event: ImportReceived) -> None:
        """Return when each lane has its event; or, where a lane has no topic, the database has the run: it is
        offered to the lane from there, and no other import waits for it. Raises StoreError, LaneError."""
        kit = self._kit
        routed = await routes(event, kit.store, kit.settings)
        if routed.reason is not None:
            lane = lane_label(routed.pipeline, kit.settings.pipeline)
            kit.metrics.canary.decisions.labels(lane, routed.reason).inc()
        for offer in routed.offers:
            if not await self._lanes.publish(offer) and offer.event is event:  # the others are kept already
                kept = await kit.store.keep_event(event, offer.pipeline, kit.settings.profile_format)
                if kept.refusal is not None:
                    kit.ignore(event, kept.refusal)
