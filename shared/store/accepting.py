"""Accepting imports, and offering what was accepted to the log. The rules are in
supabase/migrations/0023_accepting.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.bounds import Count, LineageName, Moment, RunNumber, Source
from shared.domain.discreet import Discreet
from shared.domain.events import ImportReceived
from shared.domain.runs import Priority, ProfileFormat, RunKey, RunKind
from shared.store.call import SPREAD, Calls, call, rows

Refusal = Literal["key", "hourly", "unfinished", "running", "unknown"]
"""Why nothing was taken: the key was of another request; too many runs asked for within an hour, or
unfinished; the next run is asked for, and one is under way, or there was none."""


class Asked(Discreet):
    """What a request says of its export besides where it is."""

    model_config = ConfigDict(frozen=True)

    conversation_count: Count | None = None
    message_count: Count | None = None


class QuickRun(Discreet):
    """The run that gives first sections while its primary run is at work."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: RunNumber


class ShadowRun(QuickRun):
    """The run that is compared with a run of v1."""

    pipeline: str


class AcceptedRun(Discreet):
    """Answer of accept_import: which run it is; or why nothing was taken."""

    model_config = ConfigDict(frozen=True)

    refusal: None = None
    import_id: UUID
    run: RunNumber
    resumed: bool
    """Whether it was under way."""
    repeated: bool = False
    """Whether the same was asked before under the same key."""
    requested_at: Moment
    source: Source
    lineage: LineageName | None = None
    pipeline: str
    state: str
    kind: RunKind = RunKind.PRIMARY
    asked: Asked = Asked()
    quick: QuickRun | None = None
    """The run of kind quick that goes with it."""
    shadow: ShadowRun | None = None
    """The run of kind shadow that does."""
    reason: str | None = None
    """Why it goes to its pipeline, if that was decided now."""
    deprecated_at: datetime | None = None
    """Since when the route of the predecessor that takes exports is deprecated; None: it is not."""
    sunset_at: datetime | None = None


class RefusedRun(Discreet):
    """Answer of accept_import where nothing was taken."""

    model_config = ConfigDict(frozen=True)

    refusal: Refusal
    retry_after: int | None = None
    """Seconds after which it may be asked again, where there were too many."""


class Routed(Discreet):
    """Answer of route_import."""

    model_config = ConfigDict(frozen=True)

    pipeline: str
    reason: str | None = None
    """Why, if that was decided now."""
    quick: QuickRun | None = None
    shadow: ShadowRun | None = None


class Kept(Discreet):
    """Answer of keep_event. `refusal`: the import is another user's; a newer run of it was asked for; it is
    under way, or has ended."""

    model_config = ConfigDict(frozen=True)

    refusal: Literal["foreign", "older", "taken"] | None


class Unoffered(Discreet):
    """A run whose event the log was not offered."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: RunNumber
    user_id: UUID
    source: Source
    requested_at: Moment
    lineage: LineageName | None = None
    kind: RunKind = RunKind.PRIMARY
    parent_id: UUID | None = None
    pipeline: str
    asked: Asked = Asked()
    priority: Priority = "live"


class Accepting(Calls):
    """Methods of Store on the way in."""

    @call
    async def accept_import(
        self,
        import_id: UUID,
        user_id: UUID,
        source: str | None,
        served: str,
        *,
        pipeline: str | None = None,
        variant: str = "",
        on_log: bool = True,
        replace: bool = False,
        lineage: str | None = None,
        profile_format: ProfileFormat = "markdown",
        quick_id: UUID | None = None,
        shadow_id: UUID | None = None,
        asked: Mapping[str, int | None] | None = None,
        key: str | None = None,
        digest: str | None = None,
        again: bool = False,
        keep_source: bool = False,
        per_hour: int | None = None,
        at_once: int | None = None,
    ) -> AcceptedRun | RefusedRun:
        """Accept a request in one transaction: go on with the import's newest run if it is unfinished, driven
        the same way and, if `pipeline` or `variant` is given, of that one; else add the next, which waits for
        its event on the pipeline that is asked for, else `served`.

        `variant` names what a run depends on besides the export, as JSON: sizes, and its model where
        one process runs it from end to end, for which `on_log` is false. `replace`: its memory is to be
        served however much less it holds than the one that is. `lineage`: as the person names it.
        `quick_id`, `shadow_id`: the import ids of runs beside it, if they may be owed. `key`, `digest`: a
        request of this user that is known by its key, with the digest of its body, is answered the same for
        24 hours. `again`: the next run of the import, which must have ended; `source` None: as it was.
        `keep_source`: a run that goes on is read from where it was. `per_hour`, `at_once`: the user's limits;
        None: there are none. What is requested later is newer, by the database's clock; a run that goes on
        keeps its place, unless a newer one is served already.

        Raises StoreError (SP002) if the import is another user's.
        """

    @call
    async def route_import(
        self,
        event: Annotated[ImportReceived, SPREAD],
        served: str,
        profile_format: ProfileFormat,
        quick_id: UUID,
        shadow_id: UUID | None = None,
    ) -> Routed:
        """Which pipeline the run of an event goes to, which is decided once; and its quick and its shadow
        run, which are added if they are owed."""

    @call
    async def keep_event(
        self, event: Annotated[ImportReceived, SPREAD], pipeline: str, profile_format: ProfileFormat
    ) -> Kept:
        """Keep a run whose event the topic of its pipeline did not take: it is offered again from here, like
        what was accepted."""

    @call
    async def take_unoffered(self, older_than: float, lease_seconds: float, limit: int) -> list[Unoffered]:
        """Runs accepted more than `older_than` seconds ago whose event the log was not offered: each is this
        caller's to offer for `lease_seconds`."""

    @call
    async def note_offered(self, runs: Annotated[Sequence[RunKey], rows("import_id", "run")]) -> None:
        """The log has the events of these runs."""

    @call
    async def forget_offers(self) -> None:
        """The log that had the events of runs that wait is no more: all are to be offered again."""
