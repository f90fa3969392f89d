"""Throughput on the log: chunks a second at zero model latency, one process a service."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.log_run import LogRun
from bench.session import Session

LIMIT = 500


def figures(session: Session) -> Iterator[Figure]:
    """Chunks a second of the large import, from its first step to its last recording: with a model that
    takes no time, and with the offline rules, which take the extractor's."""
    instant = session.log_run(session.large, instant=True)
    yield at_least("log throughput, instant model", _rate(instant), LIMIT, "chunks/s", _note(instant))
    run = session.log_run(session.large)
    yield at_least("log throughput", _rate(run), LIMIT, "chunks/s", _note(run))
    yield Figure("log throughput, whole import", session.large / run.seconds, "conversations/s")
    slowest = max(run.cpu_seconds, key=lambda name: run.cpu_seconds[name])
    yield Figure(
        "log throughput, slowest service on a core of its own",
        run.chunks / run.cpu_seconds[slowest],
        "chunks/s",
        note=f"the {slowest}, from its processor time",
    )


def _rate(run: LogRun) -> float:
    return run.chunks / run.extracting_seconds


def _note(run: LogRun) -> str:
    per_service = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in run.cpu_seconds.items())
    return f"{run.chunks:,} chunks; processor time: {per_service}"
