"""How facts score on labels, on labels that are made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.held_out import Score, is_same, labelled, places, score
from tests.bench.labels import finding, write_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_labels(tmp_path)


def test_two_stretches_are_the_same_by_half_of_the_shorter() -> None:
    assert is_same((0, 10), (5, 30))
    assert not is_same((0, 10), (6, 30))
    assert not is_same((0, 10), (20, 30))


def test_a_quote_stands_wherever_its_words_do() -> None:
    assert places("don't eat meat", "I DON’T  eat\nmeat. don't eat meaty") == [(2, 17)]
    assert places("tea", "tea, or iced tea") == [(0, 3), (13, 16)]
    assert places("—", "a — b") == []


def test_clauses_and_facts_are_counted_each_against_the_other(folder: Path) -> None:
    rows = labelled(folder / "held-out")
    found = score(rows, finding("I live in Leeds", "went to Rome", "Thanks", "I live on a ship"))
    assert (found.count("durable"), found.count("event"), len(rows)) == (2, 1, 3)
    assert found.recall("durable") == 0.5
    assert found.recall("durable", "event") == pytest.approx(2 / 3)
    assert found.precision == 0.5
    assert found.precision_durable == pytest.approx(1 / 3)  # Rome is neither right nor wrong
    assert (found.negatives, found.false_alarms) == (2, 0.5)
    assert found.calibration_error == pytest.approx(0.4)


def test_confidence_is_judged_bin_by_bin() -> None:
    one = [(0.95, True)] * 9 + [(0.95, False)]
    assert Score(sure=one).calibration_error == pytest.approx(0.05)
    assert Score(sure=[*one, *[(0.15, True)] * 10]).calibration_error == pytest.approx((0.5 + 8.5) / 20)
    assert Score(sure=[(1.0, True)]).calibration_error == 0.0


def test_where_nothing_is_found_or_labelled_nothing_is_divided(folder: Path) -> None:
    for rows in ([], labelled(folder / "held-out")):
        found = score(rows, finding())
        assert (found.precision, found.precision_durable, found.recall("durable")) == (0.0, 0.0, 0.0)
        assert (found.false_alarms, found.calibration_error) == (0.0, 0.0)
    assert labelled(folder / "nowhere") == []


def test_a_clause_that_is_not_in_its_message_is_told_by_its_place(tmp_path: Path) -> None:
    row = {"text": "secret", "clauses": [["other", "durable", "about"]]}
    (tmp_path / "one.jsonl").write_text(json.dumps(row))
    with pytest.raises(ValueError, match=r"one\.jsonl, line 1: a clause") as raised:
        labelled(tmp_path)
    assert "other" not in str(raised.value)
