"""The table of figures, and how the command takes its arguments."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from bench.__main__ import NAMES, ON_REQUEST, main, measure_all, table
from bench.figure import Figure, at_least, at_most, exactly
from bench.machine import describe
from bench.session import Session


def test_verdicts() -> None:
    assert [at_most("a", value, 2).ok for value in (1.9, 2, 2.1)] == [True, True, False]
    assert [at_least("a", value, 2).ok for value in (1.9, 2, 2.1)] == [False, True, True]
    assert [exactly("a", value, 2).ok for value in (1, 2)] == [False, True]
    assert Figure("a", 1, "").ok is None


def test_the_table_is_aligned_and_ends_with_the_notes() -> None:
    figures = [
        at_least("throughput", 1234.5678, 1000, "conversations/s", "reading 3 s"),
        at_most("memory", 210, 200, "MB"),
        Figure("time", 2.0, "s"),
    ]
    head, rule, *rows, note = table(figures).splitlines()
    assert head.split() == ["figure", "measured", "unit", "target"]
    assert set(rule) == {"-"}
    assert [row.split()[-1] for row in rows] == ["ok", "short", "s"]
    assert "1,234.568" in rows[0]
    assert (
        len(
            {
                row.index(value) + len(value)
                for row, value in zip(rows, ("1,234.568", "210", "2"), strict=True)
            }
        )
        == 1
    )
    assert note == "throughput: reading 3 s"


def test_an_unknown_figure_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "speed"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "no figure is called speed" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES + ON_REQUEST)
def test_every_name_is_a_module_with_figures(name: str) -> None:
    assert callable(importlib.import_module(f"bench.figures.{name.replace('-', '_')}").figures)


def test_nothing_asked_nothing_measured(tmp_path: Path) -> None:
    assert measure_all([], Session(tmp_path)) == ([], [])


def test_the_machine_is_described() -> None:
    assert "cores" in describe()
    assert "GiB" in describe()
