"""Replays as they are run: started, driven, paused, continued, stopped, watched. The rules are in
supabase/migrations/0029_driving_replays.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.domain.runs import RunKey
from shared.store.accepting import Unoffered
from shared.store.call import Calls, call
from shared.store.driving import ReplayStage
from shared.store.replays import ItemState

DRIVER = "replay.driver"
"""The lease of whoever drives replays."""
ReplayState = Literal["planned", "running", "paused", "stopped", "done"]
PausedWhy = Literal["asked", "canary", "max_cost", "unpriced", "passthrough"]


class Turned(Discreet):
    """Answer to whoever wants a replay to be in another state, with the state that it is in then. `refusal`:
    state (it cannot be from there), moved (its plan is too old: see `planned` and `counted`), passthrough
    (every import goes to v1 now), max_cost (it is at its limit, and was given none above it)."""

    model_config = ConfigDict(frozen=True)

    refusal: Literal["state", "moved", "passthrough", "max_cost"] | None
    state: ReplayState
    planned: int = 0
    """Imports of the plan."""
    counted: int | None = None
    """Imports that the same plan would have now."""


class BegunRun(Unoffered):
    """The run of one import of a replay that was begun."""

    ready: bool
    """Whether it has all its chunks, and only waits to be consolidated: the log is offered nothing then."""

    @property
    def key(self) -> RunKey:
        return RunKey(self.import_id, self.run)


class Advance(Discreet):
    """What one step of whoever drives did."""

    model_config = ConfigDict(frozen=True)

    leads: bool
    """Whether the lease is the caller's: else nothing was looked at."""
    busy: bool
    """Whether anything is under way, or waits for nothing but its time."""
    moved: bool
    """Whether anything changed: then there may be more to do at once."""
    begun: BegunRun | None = None


class ItemShown(Discreet):
    """One import of a replay: under way, held, or failed."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    user_id: UUID
    run: int | None
    state: ItemState
    why: str | None = None
    step: str | None = None
    """At which it failed."""
    chunks: int = 0


class ReplayProgress(Discreet):
    """How a replay fares."""

    model_config = ConfigDict(frozen=True)

    replay_id: UUID
    state: ReplayState
    stage: ReplayStage
    which: Sequence[str]
    pipeline: str
    reason: str
    run_by: str
    rate: float | None
    canary: int | None
    canary_passed: bool
    max_cost: float | None
    serve_anyway: bool
    paused_why: PausedWhy | None
    changes: Sequence[Mapping[str, Any]] = ()
    """Who ran, paused, continued and stopped it, and why."""
    planned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    moved_at: datetime | None
    now: datetime
    """By the database's clock, like all other times."""
    items: Mapping[ItemState, int]
    """Imports by state."""
    failed_at: Mapping[str, int]
    """Those that failed, by step."""
    skipped: Mapping[str, int]
    """Those that were not begun, by why."""
    figures: Mapping[str, Any]
    """What it was reckoned to take."""
    spent: float
    """Dollars of what has ended; as reckoned where it is not known."""
    unpriced: int
    """Imports of which it is not known what they took."""
    reserved: float
    """Dollars of what is under way, as reckoned."""
    calls_made: int
    shown: Sequence[ItemShown]
    """Some of those that are under way, held or failed."""
    live: bool
    """Whether people wait for runs in its pipeline: then fewer of its own are under way."""
    driven: bool
    """Whether anybody drives replays."""

    @property
    def total(self) -> int:
        return sum(self.items.values())

    @property
    def settled(self) -> int:
        """Imports of which it is known what became of them."""
        return self.total - self.items.get("waiting", 0) - self.items.get("begun", 0)

    @property
    def ended(self) -> bool:
        return self.state in ("done", "stopped")


class ReplayFigures(Discreet):
    """What is shown of all replays that are at work, or ended some days ago at most."""

    model_config = ConfigDict(frozen=True)

    running: int
    paused: Mapping[str, int]
    """By why."""
    items: Mapping[str, int]
    """Imports by state."""
    spent: float
    """Dollars, of those at work."""
    still_seconds: float
    """Of those that run: how long the one stands still that does so longest."""


class Replaying(Calls):
    """Methods of Store on replays that are run. None: there is no such replay."""

    @call
    async def start_replay(
        self,
        replay_id: UUID,
        *,
        by: str,
        reason: str,
        rate: float | None = None,
        canary: int | None = None,
        max_cost: float | None = None,
        serve_anyway: bool = False,
        dry_run: bool = False,
    ) -> Turned | None:
        """Have a plan be run: at most `rate` imports a minute; `canary` of them first; within `max_cost`
        dollars; `serve_anyway`: what comes out worse is served all the same. `dry_run`: only say whether that
        would be done. Raises StoreError without a reason."""

    @call
    async def pause_replay(self, replay_id: UUID, *, by: str, reason: str = "") -> Turned | None:
        """Begin nothing more; what is under way ends."""

    @call
    async def continue_replay(
        self,
        replay_id: UUID,
        *,
        by: str,
        reason: str = "",
        max_cost: float | None = None,
        lift: bool = False,
    ) -> Turned | None:
        """Go on with what is paused, within `max_cost` dollars in all, if they are given; `lift`: whatever it
        costs. Of one that runs only the limit is changed."""

    @call
    async def stop_replay(self, replay_id: UUID, *, by: str, reason: str = "") -> Turned | None:
        """End it for good: what is under way is cancelled, what waits is skipped, what was served stays."""

    @call
    async def advance_replays(self, owner: str) -> Advance:
        """One step of whoever holds the lease DRIVER: note what has ended, begin at most one run."""

    @call
    async def read_replay_progress(self, replay_id: UUID, limit: int = 20) -> ReplayProgress | None:
        """How a replay fares, with `limit` of its imports that are under way, held or failed."""

    @call
    async def read_replay_figures(self, days: int = 7) -> ReplayFigures:
        """What is shown of all replays that are at work, or ended within so many days."""
