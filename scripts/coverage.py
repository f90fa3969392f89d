"""Which lines and branches of shared/store the tests of its transports reach: `make coverage` runs both.

Ends with 1 if a line is not reached, and names it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


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


def _shares(summary: dict[str, Any]) -> str:
    return (
        f"lines {_share(summary['covered_lines'], summary['num_statements'])}   "
        f"branches {_share(summary['covered_branches'], summary['num_branches'])}"
    )


def _share(covered: int, of: int) -> str:
    return f"{100 * covered / of if of else 100:6.1f} % of {of:>4}"


if __name__ == "__main__":
    table, whole = told(json.loads(Path(sys.argv[1]).read_bytes()))
    sys.stdout.write(f"{table}\n")
    sys.exit(0 if whole else "lines of shared/store are reached by no test")
