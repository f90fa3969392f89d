"""How a route says that it will end: RFC 9745 (Deprecation), RFC 8594 (Sunset)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime


def deprecation_headers(
    since: datetime | None, until: datetime | None, *, successor: str, about: str
) -> Mapping[str, str]:
    """Headers of a route that is deprecated `since` and ends `until`, which lies not before; None: that is
    not settled. `successor` is the route to use, `about` what tells more. None where it is not deprecated."""
    if since is None:
        return {}
    headers = {
        "Deprecation": f"@{int(since.timestamp())}",
        "Link": f'<{successor}>; rel="successor-version", <{about}>; rel="deprecation"',
    }
    if until is not None:
        headers["Sunset"] = format_datetime(until.astimezone(UTC), usegmt=True)
    return headers
