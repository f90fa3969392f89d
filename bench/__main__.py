"""What `make bench` runs: measure figures and print them as a table.

    python -m bench [NAME ...] [--quick]

Ends with 1 if a figure falls short or could not be measured.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.figure import Figure, number
from bench.machine import describe
from bench.product import RunFailedError
from bench.session import Session
from shared.logs import configure_logs

ON_THE_LOG = (
    *("log-throughput", "log-memory", "log-fairness", "log-scaling", "log-rolling"),
    "replay-beside-live",
    "dead-letters",
)
"""Figures of the services: they need a Kafka, as the tests find it."""
WITH_CLAUDE = ("claude-throughput", "claude-prompts", "claude-accounts", "claude-interruptions")
"""Figures against the stand-in of the Claude API."""
NAMES = (
    *("throughput", "memory", "linear", "truth", "again", "reading", "accuracy", "quality", "rest"),
    *("gateway", "gateway-proxy", "first-sections", "one-box"),
    *ON_THE_LOG,
    *WITH_CLAUDE,
)
"""What is measured unless asked otherwise, in this order."""
ON_REQUEST = ("fresh",)
QUICK_LARGE, QUICK_SMALL = 2_000, 100


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure SoulPrint.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES + ON_REQUEST))
    parser.add_argument(
        "--quick", action="store_true", help="2,000 and 100 conversations, not 20,000 and 500"
    )
    arguments = parser.parse_args()
    configure_logs()
    unknown = set(arguments.names) - set(NAMES + ON_REQUEST)
    if unknown:
        parser.error(f"no figure is called {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="soulprint-bench-", ignore_cleanup_errors=True) as scratch:
        session = Session(Path(scratch))
        if arguments.quick:
            session.large, session.small = QUICK_LARGE, QUICK_SMALL
        figures, failures = measure_all(arguments.names or NAMES, session)
    print()
    print(describe())
    print(table(figures))
    for failure in failures:
        print(failure, file=sys.stderr)
    return int(bool(failures) or any(figure.ok is False for figure in figures))


def measure_all(names: Iterable[str], session: Session) -> tuple[list[Figure], list[str]]:
    """Every figure of `names`, and what kept some of them from being measured."""
    figures: list[Figure] = []
    failures: list[str] = []
    for name in names:
        module = importlib.import_module(f"bench.figures.{name.replace('-', '_')}")
        try:
            measured: Iterator[Figure] = module.figures(session)
            figures.extend(measured)
        except RunFailedError as error:
            failures.append(f"{name}: {error}")
    return figures, failures


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns, then their notes."""
    head = ("figure", "measured", "unit", "target", "")
    rows = [head, *((f.name, number(f.measured), f.unit, f.target, f.verdict) for f in figures)]
    name, measured, unit, target, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [
        f"{row[0]:{name}}  {row[1]:>{measured}}  {row[2]:{unit}}  {row[3]:{target}}  {row[4]}".rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    lines += [f"{figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
