"""`soulprint canary deprecate`: /process-full is told to end, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.router.judging.words import share_of
from shared.domain.errors import UsageError
from shared.store.routing import SHARE_WHOLE, Policy
from soulprint.asked import Asked
from soulprint.canary.changing import change_command
from soulprint.moments import moment_ahead
from soulprint.wording import at

ROUTE = "POST /process-full"


def deprecate_command(sunset: str | None, asked: Asked, *, off: bool) -> int:
    """Announce that the route ends; `off` takes it back. Answers as change_command."""
    if off and sunset is not None:
        raise UsageError("--off takes the announcement back: it has no --sunset")
    now = datetime.now(UTC)
    ends = None if sunset is None else moment_ahead(sunset, now)

    def plan(policy: Policy) -> Mapping[str, Any]:
        if off:
            return {"deprecated_at": None, "sunset_at": None}
        since = policy.deprecated_at or now
        if ends is not None and ends < since:
            raise UsageError(f"--sunset {at(ends)} is before {ROUTE} is deprecated: {at(since)}")
        return {"deprecated_at": since, **({} if ends is None else {"sunset_at": ends})}

    def told(_: Policy, after: Policy) -> list[str]:
        if after.deprecated_at is None:
            return [f"{ROUTE} is not deprecated any more (policy {after.version})."]
        end = f", and that it ends at {at(after.sunset_at)}" if after.sunset_at else ""
        found = [
            f"Answers of {ROUTE} say that it is deprecated since {at(after.deprecated_at)}{end} "
            f"(policy {after.version})."
        ]
        if not after.sunset_at:
            found.append("No end is announced: `soulprint canary deprecate --sunset 2027-01-31` does.")
        if after.share < SHARE_WHOLE:
            found.append(f"Only {share_of(after.share)} of users are served by what takes its place.")
        return found

    return change_command(plan, told, asked)
