"""The leader: of all routers the one that judges the lanes, again and again."""

from __future__ import annotations

import asyncio

import structlog

from services.router.judge import LEASE, Judge, Judged
from shared.domain.errors import StoreError
from shared.host.service import Kit, parting
from shared.pipelines import lane_label
from shared.store.routing import SHARE_WHOLE

TERM = 3.0
"""The lead lasts so many checks without a sign of its holder."""

log = structlog.get_logger(__name__)


class Leader:
    """Checks the lanes for as long as it runs; who does not lead only asks for the lead."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._every = kit.settings.canary_check_seconds
        self._judge = Judge(kit.store, owner=kit.owner)
        self._said = ""

    async def run(self) -> None:
        """Check again and again until cancelled; gives the lead back then."""
        try:
            while True:
                try:
                    await self.check()
                except StoreError as error:  # no imports are taken either, then
                    log.warning("lanes not judged", stage="judge", error=str(error))
                await asyncio.sleep(self._every)
        finally:
            async with parting():  # else the lead runs out by itself
                await self._kit.store.release_lease(LEASE, self._kit.owner)

    async def check(self) -> Judged | None:
        """One check, if we lead. Raises StoreError."""
        kit = self._kit
        if not await kit.store.take_lease(LEASE, kit.owner, TERM * self._every):
            kit.metrics.canary.clear()
            return None
        judged = await self._judge.check()
        self._tell(judged)
        self._show(judged)
        return judged

    def _tell(self, judged: Judged) -> None:
        verdict = judged.looked.verdict.kind
        if judged.acted == "rollback":
            log.error(
                "rolled back", stage="judge", reason=judged.policy.reason, version=judged.policy.version
            )
        elif judged.acted is not None:
            log.warning("went on", stage="judge", said=judged.sentence, version=judged.policy.version)
        elif judged.change is not None:
            log.warning("a verdict came too late", stage="judge", said=judged.sentence)
        elif verdict != self._said:
            log.info("lanes judged", stage="judge", verdict=verdict, said=judged.sentence)
        self._said = verdict

    def _show(self, judged: Judged) -> None:
        shown, verdict, policy = self._kit.metrics.canary, judged.looked.verdict, judged.policy
        shown.clear()
        shown.checks.labels(verdict.kind).inc()
        if judged.acted is not None:
            shown.changes.labels(judged.acted).inc()
        shown.share.labels("served").set(policy.share / SHARE_WHOLE)
        shown.share.labels("shadow").set(policy.shadow / SHARE_WHOLE)
        step = "rolled back" if judged.acted == "rollback" else judged.looked.standing.step.place
        shown.step.labels(step).set(1)
        shown.frozen.labels(policy.mode).set(policy.frozen)
        shown.verdict.labels(verdict.kind).set(1)
        for lane in verdict.lanes:
            shown.stuck.labels(lane_label(lane.lane, self._kit.settings.pipeline)).inc(lane.stuck)
