"""Reading alone: the chunker with nobody behind it, against a bare ijson loop over the same file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figure import Figure, at_least
from bench.process import measure
from bench.product import ROOT, RunFailedError
from bench.session import Session

LIMIT = 0.6
ROUNDS = 3


def figures(session: Session) -> Iterator[Figure]:
    """Whole processes in turn, bare, chunker, bare, chunker, ...: the median of the rounds' ratios."""
    export = session.export(session.large)
    pairs = [(_seconds("ijson", export.path), _seconds("chunker", export.path)) for _ in range(ROUNDS)]
    megabytes = export.truth.json_bytes / 1e6
    yield Figure("reading, bare ijson", megabytes / median(bare for bare, _ in pairs), "MB/s")
    yield Figure("reading, chunker", megabytes / median(ours for _, ours in pairs), "MB/s")
    yield at_least("reading, chunker to bare ijson", median(bare / ours for bare, ours in pairs), LIMIT)


def _seconds(reader: str, export: Path) -> float:
    measured = measure([sys.executable, "-m", "bench.readers", reader, str(export)], cwd=ROOT)
    if measured.returncode != 0:
        raise RunFailedError(f"reader {reader} ended with {measured.returncode}:\n{measured.stderr}")
    return measured.seconds
