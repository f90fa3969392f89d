"""Throughput on the log: chunks a second at zero model latency, one process a service."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.session import Session

LIMIT = 500


def figures(session: Session) -> Iterator[Figure]:
    """Chunks a second of the large import, from its first step to its last chunk's recording."""
    run = session.log_run(session.large)
    per_service = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in run.cpu_seconds.items())
    note = f"{run.chunks:,} chunks; processor time: {per_service}"
    yield at_least("log throughput", run.chunks / run.extracting_seconds, LIMIT, "chunks/s", note)
    yield Figure("log throughput, whole import", session.large / run.seconds, "conversations/s")
    slowest = max(run.cpu_seconds, key=lambda name: run.cpu_seconds[name])
    yield Figure(
        "log throughput, slowest service on a core of its own",
        run.chunks / run.cpu_seconds[slowest],
        "chunks/s",
        note=f"the {slowest}, from its processor time",
    )
