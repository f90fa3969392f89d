"""Feeding a pipeline that is not served from the log: its shadow runs, and what they made beside the runs
that they were fed from. The rules are in supabase/migrations/0026_routing.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.store.accepting import Unoffered
from shared.store.call import Calls, call, rows
from shared.store.routing import Pair

Outcome = Literal["fed", "owed", "known", "older", "unknown", "foreign", "other", "cancelled"]
"""See feed_runs."""


@dataclass(frozen=True, slots=True)
class OnLog:
    """A run whose event lies on the log, as that says, and the import of its shadow run."""

    import_id: UUID
    run: int
    user_id: UUID
    shadow_id: UUID


class Fed(Discreet):
    """What became of one of them."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    run: Unoffered | None = None
    """The shadow run, if it is to be offered to the log now."""


class Feeding(Discreet):
    """Answer of feed_runs: of each in turn, as far as there was room."""

    model_config = ConfigDict(frozen=True)

    unfinished: int
    """Runs of the pipeline that have not ended."""
    answers: tuple[Fed, ...]


class Feeds(Calls):
    """Methods of Store on pipelines that are fed."""

    @call
    async def feed_runs(
        self,
        pipeline: str,
        runs: Annotated[Sequence[OnLog], rows("import_id", "run", "user_id", "shadow_id")],
        *,
        at_once: int,
        most: int,
    ) -> Feeding:
        """Add the shadow runs that the pipeline owes to these, at most `most`, and no more than `at_once`
        unfinished. Who asks at the same time waits. Of each: fed, or owed (added before, and not on the
        log): the caller offers it; known (it is there, or that of a newer run); older (the import has a newer
        run); unknown; foreign (another user's); other (not one that was asked for); cancelled."""

    @call
    async def read_fed_pairs(self, pipeline: str, since: datetime, limit: int = 1000) -> list[Pair]:
        """Runs that were fed to a pipeline since (`shadow`) and those that they were fed from (`v1`, of
        whichever lane), newest first, where both have ended."""

    @call
    async def count_fed(self, pipeline: str) -> Mapping[str, int]:
        """How many runs were fed to a pipeline, by state."""
