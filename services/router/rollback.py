"""Rolling back: what every rollback does, whoever asks for it, and what becomes of imports in flight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from shared.domain.errors import StoreError
from shared.domain.plurals import counted, listed, plural
from shared.domain.runs import RunKind
from shared.pipelines import V1
from shared.store.routing import InFlight, PolicyChange
from shared.store.store import Store

ROLLED_BACK: Final[Mapping[str, Any]] = MappingProxyType(
    {"passthrough": True, "share": 0, "shadow": 0, "frozen": True}
)
"""What the policy is after a rollback."""
BATCH = 50
"""Runs that are ended in one transaction: services that work on them wait for it."""
MOST_BATCHES = 2000
"""Where the policy goes on sending imports to the lane, there would be no end."""
TRIES = 5
"""Of a batch that collides with the services at work on its runs."""


async def roll_back(
    store: Store,
    *,
    by: str,
    reason: str,
    expected: int | None = None,
    figures: Mapping[str, Any] | None = None,
    lease: str | None = None,
    owner: str | None = None,
) -> PolicyChange:
    """Send every import to v1 from now on, whatever was said of it, until a person has thawed the policy. It
    asks nothing of the log. Raises StoreError: without the database nothing is changed, and nothing is
    decided either."""
    return await store.change_policy(
        dict(ROLLED_BACK), by=by, reason=reason, expected=expected, figures=figures, lease=lease, owner=owner
    )


async def recall(store: Store, reason: str) -> int:
    """End all primary runs that are under way on other lanes than v1, oldest first, in batches: how many.
    Their users get a fallback, but for those who have sections already. Again, it goes on where it was broken
    off. Raises StoreError."""
    recalled = 0
    for _ in range(MOST_BATCHES):
        batch = await _recall(store, reason)
        recalled += batch
        if not batch:
            break
    return recalled


async def _recall(store: Store, reason: str) -> int:
    for left in reversed(range(TRIES)):
        try:
            return len(await store.recall_runs(reason, BATCH))
        except StoreError as error:
            if not left or not (error.sqlstate or "").startswith("40"):
                raise
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class Flight:
    """What is under way after a rollback."""

    served: int
    """Primary runs on other lanes than v1."""
    v1: int
    fallbacks: int
    shadows: int
    recalled: int | None = None
    """How many were ended; None: that was not asked for."""

    @classmethod
    def of(cls, rows: Sequence[InFlight], recalled: int | None = None) -> Flight:
        """From what the store says is under way now."""

        def runs(kind: RunKind, v1: bool) -> int:
            return sum(row.runs for row in rows if row.kind == kind and (row.lane == V1) == v1)

        return cls(
            runs(RunKind.PRIMARY, False), runs(RunKind.PRIMARY, True),
            runs(RunKind.FALLBACK, True), runs(RunKind.SHADOW, False), recalled,
        )  # fmt: skip

    @property
    def sentences(self) -> tuple[str, ...]:
        """What becomes of them."""
        found = []
        if self.recalled is not None:
            found.append(
                f"{counted(self.recalled, 'import')} {plural(self.recalled, 'was', 'were')} called back: "
                "v1 makes sections for each user who has none, and those who have sections keep them"
            )
        if self.served and self.recalled is None:
            found.append(
                f"{_under_way(self.served)}, and {plural(self.served, 'goes', 'go')} on to the end: where "
                "one fails, v1 makes sections; `soulprint canary rollback --recall` ends them now"
            )
        elif self.served:
            found.append(f"{_under_way(self.served)} still: `--recall` again ends them")
        rest = [
            counted(count, name)
            for count, name in ((self.v1, "import"), (self.fallbacks, "fallback"))
            if count
        ]
        if rest:
            found.append(f"v1 has {listed(rest)} under way")
        if self.shadows:
            found.append(f"{counted(self.shadows, 'shadow run')} go on, and nobody sees them")
        return tuple(found) or ("nothing is under way",)


def _under_way(runs: int) -> str:
    return f"{counted(runs, 'import')} {plural(runs, 'is', 'are')} under way beside v1"


async def in_flight(store: Store, recalled: int | None = None) -> Flight:
    """What is under way now. Raises StoreError."""
    return Flight.of(await store.read_in_flight(), recalled)
