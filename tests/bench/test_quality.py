"""What `make bench ARGS=quality` prints, and the facts at random that are read by a person."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from bench import quality
from bench.figure import number
from bench.figures.quality import figures
from bench.held_out import labelled, person_of
from bench.session import Session
from tests.bench.labels import EVERYDAY, finding, write_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_labels(tmp_path)


def test_what_is_not_given_is_said_and_falls_not_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUALITY_DATA", str(tmp_path))
    monkeypatch.setenv("QUALITY_LABELS", str(tmp_path))
    found = list(figures(Session(tmp_path)))
    assert {number(each.measured) for each in found} == {"not given"}
    assert {each.ok for each in found} == {None}
    assert all(math.isnan(each.measured) for each in found)
    assert len(found) == 8


def test_what_is_given_stands_beside_what_it_must_beat(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [{"dia_id": "D1:1", "speaker": "Ada", "text": "I live in Leeds."}]
    talk = {"session_1": turns, "qa": [{"evidence": ["D1:1"], "category": 4}]}
    (tmp_path / "locomo").mkdir()
    (tmp_path / "locomo" / "talk.json").write_text(json.dumps(talk))
    session = {"dialog": [{"text": "I live in Leeds.", "persona_text": "I live in Leeds."}]}
    summaries = tmp_path / "msc" / "msc_personasummary" / "session_1"
    summaries.mkdir(parents=True)
    (summaries / "test.txt").write_text(json.dumps(session))
    monkeypatch.setenv("QUALITY_DATA", str(tmp_path))
    monkeypatch.setenv("QUALITY_LABELS", str(folder))
    found = list(figures(Session(tmp_path)))
    names = [each.name for each in found]
    for name, measured in (("LoCoMo, single-hop evidence", 1.0), ("MSC, turns: recall", 1.0)):
        at = names.index(name)
        assert (found[at].measured, found[at].ok) == (measured, True)
        assert [each.strip() for each in names[at + 1 : at + 3]] == [
            "rules of before",
            "every first-person sentence",
        ]
        assert 0 < found[at + 1].measured < found[at + 2].measured == 1.0
    assert names[0] == "held-out, durable: precision"
    assert found[names.index("REALTALK, evidence of category 1")].ok is None


def sample(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    assert quality.main(arguments) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_a_sample_is_a_table_to_be_marked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUALITY_LABELS", str(folder))
    (folder / "held-out" / "everyday.jsonl").write_text("not looked at")
    told = sample(capsys, "--sample", "9", "--seed", "4", "labels")
    assert [each["number"] for each in told] == [str(n + 1) for n in range(len(told))]
    assert {each["message"] for each in told} >= {EVERYDAY[1]["text"]}
    assert {each["mark"] for each in told} == {""}
    assert sample(capsys, "--sample", "9", "--seed", "4", "labels") == told
    assert sample(capsys, "--memory", "1.01", "labels") == []


def test_a_sample_shows_what_was_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = [
        {"dia_id": "D1:1", "speaker": "Bo", "text": "Hi.\nWhere do you live?"},
        {"dia_id": "D1:2", "speaker": "Ada", "text": "I live in Leeds.\tAnd\nyou?\x1b[2J"},
    ]
    (tmp_path / "locomo").mkdir()
    (tmp_path / "locomo" / "talk.json").write_text(json.dumps({"session_1": turns, "qa": []}))
    monkeypatch.setenv("QUALITY_DATA", str(tmp_path))
    [told] = sample(capsys, "locomo")
    assert told["source"] == "talk/Ada"
    assert told["before"] == "them: Where do you live?"
    assert told["message"] == "I live in Leeds. And you?\ufffd[2J"


def test_what_is_said_twice_is_drawn_once(folder: Path) -> None:
    person = person_of([*labelled(folder / "train"), *labelled(folder / "held-out")])
    [found] = quality.found_in(person, finding("my wife is vegan"))
    assert quality.draw([found], 5, seed=1) == [found]
    assert quality.draw([found], 5, seed=1, least=0.95) == []


def test_the_example_can_be_sampled_and_a_missing_set_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("QUALITY_DATA", raising=False)
    assert len(sample(capsys, "--sample", "3", "example")) == 3
    assert quality.main(["msc"]) == 0
    assert "msc: not given" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        quality.main(["moon"])
