"""`python -m shared.metrics` prints the table of docs/operations.md."""

from __future__ import annotations

import sys

from shared.metrics.table import table

if __name__ == "__main__":
    sys.stdout.write(table())
