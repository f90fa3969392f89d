"""The labelled set scores the offline model, on sentences it learned from and on others. What it finds in
talk that nobody here wrote is measured by `make bench ARGS=quality`."""

from __future__ import annotations

import pytest

from tests.support.labelled import labelled, score

FLOORS = {"dev": (0.9, 0.98), "held-out": (0.92, 0.92)}
"""(precision, recall) by split, a little under what is reached."""
LEAST_MESSAGES = 330
KINDS = (
    "question", "hypothetical", "uncertain", "quotation", "pasted", "role-play", "code", "third-party",
    "transient", "sarcasm", "grammar", "lyrics", "neutral", "language",
)  # fmt: skip


@pytest.mark.parametrize("split", FLOORS)
def test_precision_and_recall(split: str) -> None:
    precision, recall = FLOORS[split]
    result = score(labelled(split))
    misses = "\n".join(result.misses)
    assert result.precision() >= precision, misses
    assert result.recall() >= recall, misses


def test_the_set_is_large_and_holds_every_kind_of_text() -> None:
    rows = labelled()
    positive = sum(bool(row["expected"]) for row in rows)
    assert len(rows) >= LEAST_MESSAGES
    assert 0.4 <= positive / len(rows) <= 0.6
    assert len({row["text"] for row in rows}) == len(rows)
    for kind in KINDS:
        assert any(row["kind"] == kind for row in rows), kind
