"""Accuracy: precision and recall of the offline model on the labelled sentences."""

from __future__ import annotations

from collections.abc import Iterator

from bench.accuracy import run
from bench.figure import Figure
from bench.session import Session


def figures(session: Session) -> Iterator[Figure]:
    """By category and by split. They need no export and no run, so they depend on no size."""
    for score in run():
        yield Figure(score.name, score.value, score.unit)
