"""Linear: so many times the conversations take hardly more than so many times as long."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.figure import Figure, at_most
from bench.session import Session

SLACK = 1.05
"""40 times the conversations may take 42 times as long."""
REPEATS = 3


def figures(session: Session) -> Iterator[Figure]:
    """The ratio of whole commands, nothing subtracted; of the short one, the median of three."""
    large = session.first_run(session.large).measured.seconds
    small = median(session.first_run(session.small, n).measured.seconds for n in range(REPEATS))
    yield Figure(f"time, {session.large:,} conversations", large, "s")
    yield Figure(f"time, {session.small:,} conversations", small, "s")
    yield at_most(f"time for {session.ratio:g} times the conversations", large / small, session.ratio * SLACK)
