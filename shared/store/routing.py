"""Where imports go: the policy, what was decided, what became of it. The rules are in
supabase/migrations/0026_routing.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call

SHARE_WHOLE = 10_000
"""A share of all users."""
Mode = Literal["manual", "auto"]
Reason = Literal["passthrough", "override", "explicit", "share"]


class Policy(Discreet):
    """The policy as it is, or was."""

    model_config = ConfigDict(frozen=True)

    version: int
    mode: Mode
    share: int
    """Of 10,000 users: whose imports go to the pipeline that is served; the others' go to v1."""
    shadow: int
    """Of 10,000 users: beside whose v1 runs a shadow run is made."""
    passthrough: bool
    """Every import goes to v1."""
    frozen: bool
    """After a rollback, until a person has thawed it."""
    salt: str
    entered_at: datetime
    """Since when shares and passthrough are as they are."""
    thresholds: dict[str, Any] = Field(default_factory=dict)
    deprecated_at: datetime | None = None
    sunset_at: datetime | None = None
    changed_by: str = ""
    changed_at: datetime
    reason: str = ""


class PolicyNow(Policy):
    """The policy as it is now."""

    now: datetime
    """By the database's clock, like all other times: that of a process may be an hour off."""


class PolicyChange(Discreet):
    """Answer of change_policy, with the policy as it is then. `refusal`: changed (it was not the expected one
    any more), frozen, lease (it is not the owner's)."""

    model_config = ConfigDict(frozen=True)

    refusal: Literal["changed", "frozen", "lease"] | None
    changed: bool
    policy: Policy


class PolicyVersion(Discreet):
    """A policy that there was, why, and what the judge had seen."""

    model_config = ConfigDict(frozen=True)

    version: int
    policy: Policy
    changed_by: str
    changed_at: datetime
    reason: str
    figures: dict[str, Any] | None = None


class Explained(Discreet):
    """Where a user's next import would go, and why."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    bucket: int
    lane: str
    reason: Reason
    shadow: bool


class Outcome(Discreet):
    """What became of a run that was decided on."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    lane: str
    reason: Reason
    policy_version: int
    decided_at: datetime
    begun_at: datetime
    state: str
    ended_at: datetime | None
    at_fault: bool
    """The export itself was: no lane could have done better."""
    failed_at: str | None = None
    """The step at which it failed."""
    was_stuck: bool
    seconds: float | None
    chunks: int | None
    cached: int
    coverage: float | None
    cost: float | None
    conversations: int | None


class Made(Discreet):
    """What a run made, in figures."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    pipeline: str
    state: str
    facts: int
    """Those that hold, without superseded ones."""
    sections: int
    """Those with a word in them."""
    memory_characters: int
    tokens: int
    seconds: float | None
    cost: float | None
    coverage: float | None


class Pair(Discreet):
    """A run of v1, and the shadow run beside it."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    user_id: UUID
    v1: Made
    shadow: Made


class InFlight(Discreet):
    """How many runs of a kind are under way in a lane."""

    model_config = ConfigDict(frozen=True)

    lane: str
    kind: str
    runs: int


UNNAMED = UUID(int=0)
"""In place of the user of a call whose body was too large to be looked at."""


class LegacyCalls(Discreet):
    """How often a user called a route that ends."""

    model_config = ConfigDict(frozen=True)

    route: str
    user_id: UUID
    """Or `UNNAMED`."""
    calls: int
    first_at: datetime
    last_at: datetime


class Override(Discreet):
    """A user of whom it is said where their imports go."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    lane: str
    until: datetime | None
    changed_by: str
    changed_at: datetime
    reason: str


class OverriddenRun(Discreet):
    """A run that is under way, and stays where it is."""

    model_config = ConfigDict(frozen=True)

    run: str
    pipeline: str


class RecalledRun(Discreet):
    """A run that was ended before its time."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int


class Routing(Calls):
    """Methods of Store on where imports go."""

    @call
    async def read_policy(self) -> PolicyNow:
        """The policy as it is."""

    @call
    async def change_policy(
        self,
        changes: Mapping[str, Any],
        *,
        by: str,
        reason: str,
        expected: int | None = None,
        figures: Mapping[str, Any] | None = None,
        lease: str | None = None,
        owner: str | None = None,
    ) -> PolicyChange:
        """Change share, shadow, mode, passthrough, frozen, thresholds, deprecated_at or sunset_at; what is
        decided after it returns is decided by it. `expected`: only if the policy still is this version.
        `lease`: only while the lease of this name is the owner's. Raises StoreError for what the policy
        cannot be."""

    @call
    async def read_policy_history(self, limit: int = 20) -> list[PolicyVersion]:
        """The policies that there were, newest first."""

    @call
    async def override_routing(
        self,
        user_id: UUID,
        lane: str | None,
        *,
        by: str,
        reason: str,
        until: datetime | None = None,
    ) -> list[OverriddenRun]:
        """Say of a user where their imports go; lane None: no longer. Answers their runs that are under way:
        they stay where they are."""

    @call
    async def read_overrides(self, limit: int = 100) -> list[Override]:
        """Users of whom it is said where their imports go, newest first."""

    @call
    async def explain_routing(self, users: Sequence[UUID], served: str) -> list[Explained]:
        """Where the next import of each would go, and why. Nothing is recorded."""

    @call
    async def read_outcomes(
        self, since: datetime, stuck_seconds: float, limit: int = 5000, until: datetime | None = None
    ) -> list[Outcome]:
        """What became of the runs that were decided on since, and before `until`, newest first, without
        cancelled ones: `limit` of v1, as many of other lanes, and all of those that are stuck."""

    @call
    async def read_pairs(self, since: datetime, limit: int = 1000) -> list[Pair]:
        """Runs of v1 and the shadow runs beside them that have ended, newest first."""

    @call
    async def read_in_flight(self, limit: int = 100) -> list[InFlight]:
        """How many runs are under way, by lane and kind."""

    @call
    async def recall_runs(self, reason: str, limit: int = 100) -> list[RecalledRun]:
        """End runs that are under way on other lanes than v1, oldest first; their users get a fallback. Fewer
        than `limit`: there are no more."""

    @call
    async def note_legacy_call(self, route: str, user_id: UUID, calls: int = 1) -> None:
        """Count calls of a route that ends."""

    @call
    async def read_legacy_calls(self, since: datetime, limit: int = 1000) -> list[LegacyCalls]:
        """Who has called routes that end since, the latest first."""
