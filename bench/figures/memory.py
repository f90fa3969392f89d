"""Memory: the peak of all our Python processes together, and that it does not grow with the export."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_most
from bench.session import Session

LIMIT_MB = 200
GROWTH_LIMIT = 1.15


def figures(session: Session) -> Iterator[Figure]:
    """Peak memory of the large run, and its ratio to that of the small one."""
    large = session.first_run(session.large).measured.peak_rss_bytes
    small = session.first_run(session.small).measured.peak_rss_bytes
    yield at_most(f"peak memory, {session.large:,} conversations", large / 1e6, LIMIT_MB, "MB")
    yield Figure(f"peak memory, {session.small:,} conversations", small / 1e6, "MB")
    yield at_most("memory growth", large / small, GROWTH_LIMIT)
