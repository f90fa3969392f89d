"""Throughput: conversations a second of the whole command, the start of its Postgres included."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.session import Session

LIMIT = 1000


def figures(session: Session) -> Iterator[Figure]:
    """Conversations a second of the large run; how much processor time our Python processes took."""
    run = session.first_run(session.large)
    truth = session.export(session.large).truth
    stages = run.report.get("seconds") or {}
    note = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in stages.items())
    yield at_least("throughput", truth.conversations / run.measured.seconds, LIMIT, "conversations/s", note)
    yield Figure("throughput in bytes", truth.json_bytes / 1e6 / run.measured.seconds, "MB/s")
    yield Figure("processor time of our Python", run.measured.cpu_seconds, "s")
