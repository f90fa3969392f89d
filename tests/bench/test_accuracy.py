"""The figures of accuracy, as `make bench` prints them."""

from __future__ import annotations

from bench.accuracy import run


def test_the_figures_name_every_category_and_split() -> None:
    names = {figure.name for figure in run()}
    for part in ("preferences", "projects", "dates", "beliefs", "decisions", "dev", "held-out", "all"):
        assert {f"precision, {part}", f"recall, {part}"} <= names
