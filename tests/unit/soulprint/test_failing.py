"""How a command ends that fails: one line, whatever was typed or broke."""

from __future__ import annotations

import errno
import sys

import pytest

from shared.domain.errors import UsageError
from soulprint import main as command
from soulprint import signals
from soulprint.failing import failed
from tests.support.hostile_text import HOSTILE, LONG, commands_in


def ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *typed: str
) -> tuple[object, str]:
    monkeypatch.setattr(sys, "argv", ["soulprint", *typed])
    monkeypatch.setattr(signals, "begin", lambda: None)
    with pytest.raises(SystemExit) as ending:
        command.main()
    return ending.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "typed",
    [
        (f"--{HOSTILE}",),
        (HOSTILE,),
        (LONG,),
        ("show", f"--{HOSTILE}"),
        ("show", "--section", HOSTILE),
        ("canary", HOSTILE),
        ("canary", "history", "--limit", HOSTILE),
        ("run", "--max-cost", HOSTILE, "x"),
        ("run",),
    ],
)
def test_what_was_typed_wrong_is_told_on_one_line(
    typed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, err = ended(monkeypatch, capsys, *typed)
    lines = err.splitlines()
    assert code == 2
    assert lines[0].startswith("Usage: soulprint ")
    assert lines[-2].startswith("Try 'soulprint")
    assert lines[-1].startswith("soulprint: ")
    assert len(lines[-1]) < 2100
    assert commands_in(err, terminal=False) == []


def test_of_an_error_that_nobody_foresaw_class_and_place_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError) as broken:
        {}[HOSTILE]
    assert failed(broken.value) == 1
    err = capsys.readouterr().err
    assert err.startswith("soulprint: this is a fault of SoulPrint: KeyError, ")
    assert "test_failing.py:" in err
    assert "HOSTILE" not in err
    assert err.count("\n") == 1


def test_our_own_errors_keep_their_words_and_their_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(UsageError(f"no such thing: {HOSTILE}")) == 2
    assert failed(OSError(errno.ENOSPC, "x", HOSTILE)) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("soulprint: no such thing: HOSTILE ")
    assert second == "soulprint: the disk is full; free some space and run again"
