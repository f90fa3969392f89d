"""Memory on the log: the peak of each service, and that it does not grow with the export."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_most
from bench.session import Session

LIMIT_MB = 150
GROWTH_LIMIT = 1.15


def figures(session: Session) -> Iterator[Figure]:
    """The peak of each service at the large import, and its ratio to that at the small one."""
    large = session.log_run(session.large).peak_bytes
    small = session.log_run(session.small).peak_bytes
    for name, peak in large.items():
        yield at_most(f"{name} memory, {session.large:,} conversations", peak / 1e6, LIMIT_MB, "MB")
        yield at_most(f"{name} memory growth", peak / small[name], GROWTH_LIMIT)
