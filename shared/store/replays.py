"""Replays: what is planned, and what becomes of it. The rules are in supabase/migrations:
0028_planning_replays.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call

Stage = Literal["chunks", "facts", "memory"]
"""From where on a replay works anew: it reads the export; has stored chunks read again; has its facts."""
Which = Literal["missing", "dead", "stale", "all"]
"""What is done again: of a run its missing or its dead chunks; imports that others than the present model and
prompts read; all."""
ReplayState = Literal["planned", "running", "paused", "stopped", "done"]
ItemState = Literal["waiting", "begun", "done", "held", "failed", "unserved", "cancelled", "skipped"]


class Figures(Discreet):
    """What a replay was reckoned to take."""

    model_config = ConfigDict(frozen=True)

    imports: int = 0
    chunks: int = 0
    """Those that are published anew."""
    cached: int = 0
    """How many of them the cache answers."""
    calls: int = 0
    input_tokens: int = 0
    """Of prompts, cached parts included."""
    output_tokens: int = 0
    dollars: float | None = 0.0
    """None: a price is not known."""
    seconds: float | None = None
    """None: no run of late tells how long it takes."""
    unread: int = 0
    """Imports that were not read to their end: of their chunks only those with a result are reckoned."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Imports that were selected and cannot be done, by the reason."""


class ReplayRow(Discreet):
    """A replay as it was planned, and how it fares."""

    model_config = ConfigDict(frozen=True)

    id: UUID | None
    """None: there was nothing to do again, and no plan is kept."""
    state: ReplayState
    stage: Stage
    which: tuple[Which, ...]
    selection: dict[str, Any]
    pipeline: str
    model: str
    prompt_version: str
    figures: Figures
    planned_by: str
    planned_at: datetime
    run_by: str = ""
    reason: str = ""
    rate: float | None = None
    """Imports a minute."""
    canary: int | None = None
    """Imports after which it waits for a person."""
    max_cost: float | None = None
    serve_anyway: bool = False
    paused_why: str | None = None
    started_at: datetime | None = None
    moved_at: datetime | None = None
    """When an import of it was begun or ended."""
    ended_at: datetime | None = None
    items: dict[ItemState, int] = Field(default_factory=dict)
    """How many of its imports are in which state."""


class ReplayItem(Discreet):
    """An import of a replay."""

    model_config = ConfigDict(frozen=True)

    position: int
    import_id: UUID
    user_id: UUID
    base_run: int
    source: str | None = None
    """Of the base; None once that is not there any more."""
    run: int | None
    state: ItemState
    why: str | None
    chunks: int
    cached: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """Dollars that it was reckoned to take; None: the price is not known."""
    spent: float | None
    """Dollars that its run took, once it has ended."""
    calls_made: int | None
    begun_at: datetime | None
    ended_at: datetime | None


class Replays(Calls):
    """Methods of Store on replays."""

    @call
    async def plan_replay(
        self,
        replay_id: UUID,
        *,
        stage: Stage,
        which: Sequence[Which],
        selection: Mapping[str, Any],
        pipeline: str,
        model: str,
        prompt_version: str,
        by: str,
        rates: Mapping[str, Any] | None,
        variant: str,
        writing_version: str | None,
    ) -> ReplayRow:
        """Choose imports, reckon what each will take, and keep that as a plan; nothing runs. A plan of this
        id that is there is answered as it was made. `rates`: what the model's calls take, as
        `shared.models.base.Rates` has it; None: nothing costs. `variant`: how chunks would be cut now.
        `writing_version`: of the model's writing."""

    @call
    async def read_replay(self, replay_id: UUID) -> ReplayRow | None:
        """A replay; None if there is none."""

    @call
    async def list_replays(self, limit: int = 20) -> list[ReplayRow]:
        """Replays, newest first."""

    @call
    async def list_replay_items(
        self,
        replay_id: UUID,
        *,
        states: Sequence[ItemState] | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> list[ReplayItem]:
        """Imports of a replay in their order, those after this position, in these states."""
