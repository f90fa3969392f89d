"""Comparing an output folder with the truth: what is right passes, what is wrong is named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.findings import differing_files, examine, tally_kinds, tally_templates
from tests.exports.generate import generate
from tests.exports.truth import GhostKind, Planted, Truth


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    return generate(tmp_path / "export.json", 40, facts_per_conversation=2, ghosts_per_conversation=2)


def lines_of(truth: Truth) -> list[dict[str, Any]]:
    lines = [
        {"statement": fact.sentence, "quote": fact.sentence, "message_ids": [fact.message_id]}
        for fact in truth.planted
    ]
    return lines + [
        {"statement": f"I drive a {marker}.", "quote": marker, "message_ids": ["instructions"]}
        for marker in truth.instructions
    ]


def write(folder: Path, truth: Truth, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "facts.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    (folder / "MEMORY.md").write_text("# Memory\n")
    report = {
        "conversations": {
            "seen": truth.conversations,
            "kept": truth.kept,
            "empty": truth.empty,
            "left_out": truth.left_out,
            "duplicates": truth.duplicates,
            "skipped": [],
        },
        "messages": truth.visible_messages,
        "person_characters": truth.person_characters,
        "chunks": {"total": 3, "cached": 0},
        "seconds": {"reading": 1.0},
    }
    (folder / "report.json").write_bytes(orjson.dumps(report))
    return folder


def test_a_right_folder_has_no_findings(tmp_path: Path, truth: Truth) -> None:
    assert truth.instructions
    findings = examine(write(tmp_path / "out", truth, lines_of(truth)), truth)
    assert not findings.missing
    assert not findings.missing_instructions
    assert not findings.ghosts
    assert not findings.wrong_counts


def test_a_fact_under_another_message_is_missing(tmp_path: Path, truth: Truth) -> None:
    lines = lines_of(truth)
    lines[0]["message_ids"] = ["another"]
    findings = examine(write(tmp_path / "out", truth, lines), truth)
    assert findings.missing == (truth.planted[0],)


def test_a_merged_fact_counts_for_each_of_its_messages(tmp_path: Path, truth: Truth) -> None:
    twice = replace(truth.planted[0], message_id="second")
    truth.planted.append(twice)
    lines = lines_of(truth)[1:]
    lines[-1]["message_ids"] = [twice.message_id]
    lines[-1] |= {"statement": twice.sentence, "message_ids": [truth.planted[0].message_id, "second"]}
    findings = examine(write(tmp_path / "out", truth, lines), truth)
    assert not findings.missing


def test_missing_instructions_are_named(tmp_path: Path, truth: Truth) -> None:
    lines = lines_of(truth)[: len(truth.planted)]
    findings = examine(write(tmp_path / "out", truth, lines), truth)
    assert list(findings.missing_instructions) == truth.instructions


@pytest.mark.parametrize("name", ["MEMORY.md", "facts.jsonl", "deep/er.md"])
def test_a_ghost_is_found_wherever_it_stands(tmp_path: Path, truth: Truth, name: str) -> None:
    out = write(tmp_path / "out", truth, lines_of(truth))
    ghost = truth.ghosts[3]
    line = {"statement": f"Likes {ghost.marker.upper()}.", "quote": "", "message_ids": ["x"]}
    file = out / name
    file.parent.mkdir(exist_ok=True)
    with file.open("ab") as end:
        end.write(orjson.dumps(line) + b"\n")
    findings = examine(out, truth)
    assert [(found, where) for found, where in findings.ghosts] == [(ghost, file.name)]


def test_wrong_counts_are_named(tmp_path: Path, truth: Truth) -> None:
    out = write(tmp_path / "out", truth, lines_of(truth))
    truth.person_characters += 7
    findings = examine(out, truth)
    reported = truth.person_characters - 7
    assert findings.wrong_counts == (f"person_characters: {reported}, not {truth.person_characters}",)


def test_tallies_name_templates_and_kinds(truth: Truth) -> None:
    missing = [Planted(f"Zorvik-{n}", f"I drive a Zorvik-{n}.", "c", "m") for n in (1001, 1002)]
    assert tally_templates(tuple(missing)) == "2 x I drive a N."
    hidden = next(ghost for ghost in truth.ghosts if ghost.kind is GhostKind.HIDDEN)
    assert tally_kinds(((hidden, "MEMORY.md"),)) == "1 x hidden in MEMORY.md"


def test_folders_that_differ_only_in_times_are_equal(tmp_path: Path, truth: Truth) -> None:
    one = write(tmp_path / "one", truth, lines_of(truth))
    other = tmp_path / "other"
    shutil.copytree(one, other)
    report = orjson.loads((other / "report.json").read_bytes())
    report["seconds"]["chunker"] = 2.0
    report["chunks"]["cached"] = 3
    (other / "report.json").write_bytes(orjson.dumps(report))
    assert differing_files(one, other) == []
    report["messages"] += 1
    (other / "report.json").write_bytes(orjson.dumps(report))
    (other / "MEMORY.md").write_text("# Memory\n\n")
    (other / "SOUL.md").touch()
    assert differing_files(one, other) == ["MEMORY.md", "SOUL.md", "report.json"]
