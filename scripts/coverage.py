"""Which lines and branches of shared/store the tests of its transports reach, and which methods of the store
they call over each: `make coverage` runs both.

Ends with 1 if a line is not reached, or a method not called over each transport, and names it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from inspect import getmembers
from pathlib import Path
from typing import Any

from shared.store.store import Store
from tests.support.transports import TRANSPORTS

METHODS = {name for name, each in getmembers(Store) if hasattr(each, "__wrapped__")}


def told(found: dict[str, Any]) -> tuple[str, bool]:
    """The table of what coverage.py's JSON says, and whether every line was reached."""
    rows = []
    for name, file in sorted(found["files"].items()):
        summary = file["summary"]
        missing = ", ".join(map(str, file["missing_lines"]))
        rows.append(f"{name:<32} {_shares(summary)}   {missing}".rstrip())
    totals = found["totals"]
    rows.append(f"{'shared/store':<32} {_shares(totals)}")
    return "\n".join(rows), totals["missing_lines"] == 0


def uncalled(calls: Iterable[tuple[str, str]]) -> list[str]:
    """Each method of the store that these calls lack over a transport, with those it lacks."""
    missing = {(name, kind) for name in METHODS for kind in TRANSPORTS} - set(calls)
    return [
        f"{name} ({', '.join(kind for kind in TRANSPORTS if (name, kind) in missing)})"
        for name in sorted({name for name, _ in missing})
    ]


def _shares(summary: dict[str, Any]) -> str:
    return (
        f"lines {_share(summary['covered_lines'], summary['num_statements'])}   "
        f"branches {_share(summary['covered_branches'], summary['num_branches'])}"
    )


def _share(covered: int, of: int) -> str:
    return f"{100 * covered / of if of else 100:6.1f} % of {of:>4}"


if __name__ == "__main__":
    found, *files = (json.loads(Path(each).read_bytes()) for each in sys.argv[1:])
    table, whole = told(found)
    sys.stdout.write(f"{table}\n")
    if missing := uncalled((name, kind) for calls in files for name, kind in calls):
        sys.exit(f"no test calls {'; '.join(missing)}: give one @EVERY_WAY (tests/postgres/conftest.py)")
    sys.exit(0 if whole else "lines of shared/store are reached by no test")
