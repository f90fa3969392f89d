"""What the gateway's routes stand on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from services.gateway.access.access import Access
from services.gateway.access.caller import Caller
from services.gateway.deprecation import Deprecation
from services.gateway.health import Health
from services.gateway.legacy_calls import LegacyCalls
from services.gateway.problems import Problem
from services.gateway.proxy import Proxy
from services.gateway.receiving.base import Uploads
from services.gateway.receiving.places import Places
from services.gateway.watching import Watcher
from shared.domain.errors import UsageError
from shared.domain.runs import RunKind
from shared.host.service import Kit
from shared.pipelines import V1, lane_label
from shared.requests.accept import PLAIN, Accepted, Terms, accept
from shared.requests.relay import Relay
from shared.requests.request import Request
from shared.store.runs import RunRow


@dataclass(frozen=True, slots=True)
class Gateway:
    """One process's face: what is behind it, and who may ask."""

    kit: Kit
    access: Access
    relay: Relay
    proxy: Proxy
    watcher: Watcher
    health: Health
    deprecation: Deprecation
    calls: LegacyCalls
    uploads: Uploads | None = None
    """Where exports go that are sent; None: none can be."""
    places: Places = field(default_factory=Places)
    """For those that are under way."""

    async def take(self, request: Request, terms: Terms = PLAIN) -> Accepted:
        """Accept a request within its user's limits. When this returns the run is in the database; the log is
        offered it meanwhile. Raises RefusedError, UsageError, StoreError."""
        settings = self.kit.settings
        self.require_pipeline(terms.pipeline)
        within = replace(terms, per_hour=settings.imports_per_hour, at_once=settings.imports_unfinished)
        accepted = await accept(request, self.kit.store, settings, within)
        run = accepted.run
        if run.reason is not None and not run.repeated:
            lane = lane_label(run.pipeline, settings.pipeline)
            self.kit.metrics.canary.decisions.labels(lane, run.reason).inc()
        if not run.repeated and run.state == "received":
            self.relay.hand(accepted.offers)
        return accepted

    def require_pipeline(self, name: str | None) -> None:
        """Raises UsageError for a pipeline that nobody serves here: its runs would wait for ever, and what is
        owed to the log with them."""
        served = dict.fromkeys((V1, self.kit.settings.pipeline))
        if name is not None and name not in served:
            raise UsageError(f"pipeline: there is no such one here; there are {', '.join(served)}")

    async def newest_run(self, import_id: UUID, caller: Caller) -> RunRow:
        """The newest run of an import that the caller may ask for. Another person's is answered as one that
        there is not, and a shadow, which is the services' alone. Raises Problem (404), StoreError."""
        runs = await self.kit.store.list_runs(import_id, limit=1)
        hidden = not runs or (runs[0].kind is RunKind.SHADOW and not caller.service)
        if hidden or not caller.may(runs[0].user_id, import_id):
            raise Problem(404, "there is no such import", import_id=import_id)
        return runs[0]
