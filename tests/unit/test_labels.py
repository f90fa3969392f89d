"""The labels that the gate is learned from, and whether the weights are of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.labels import CLASSES, KINDS, LABELS, SHARES, main, wrong
from scripts.learned import digest_of_labels
from shared.english.gate.gate import WEIGHTS

Row = Mapping[str, Any]
NEEDED = 4


def row(scenario: str, text: str, *clauses: Sequence[str]) -> Row:
    """A line of the labels."""
    return {"scenario": scenario, "text": text, "clauses": clauses}


def plain(part: str) -> list[Row]:
    """Lines in which nothing is wrong: of each class as many, in short clauses."""
    kinds = {"durable": "home", "event": "plans"}
    return [
        row(f"{part} {label}", f"{part} {number} {label}", (f"{number} {label}", label, kinds.get(label, "")))
        for label in CLASSES
        for number in range(NEEDED)
    ]


def written(folder: Path, **parts: Sequence[Row]) -> Path:
    """The labels of a folder: what is right, and what is given."""
    for part in ("train", "held-out"):
        path = folder / part / "some.jsonl"
        path.parent.mkdir(parents=True)
        rows = [*plain(part), *parts.get(part.replace("-", "_"), ())]
        path.write_text("".join(f"{json.dumps(each)}\n" for each in rows), "utf-8")
    return folder


def test_nothing_is_wrong_with_the_labels() -> None:
    assert list(wrong(LABELS)) == []


def test_nothing_is_wrong_where_nothing_is(tmp_path: Path) -> None:
    assert list(wrong(written(tmp_path))) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (row("a", "I live in Hull", ("I live in York", "durable", "about")), "does not stand in the text"),
        (row("a", "one two", ("two", "passing", ""), ("one", "passing", "")), "in order"),
        (row("a", "one two", ("", "passing", "")), "does not stand in the text"),
        (row("a", "one two", ("one", "lasting", "")), "'lasting' is no class"),
        (row("a", "one two", ("one", "durable", "")), "'' is no kind of a clause that is durable"),
        (row("a", "one two", ("one", "durable", "hobby")), "'hobby' is no kind of a clause that is durable"),
        (row("a", "one two", ("one", "passing", "home")), "'home' is no kind of a clause that is passing"),
        ({"text": "one two", "clauses": []}, "has the keys clauses, text"),
    ],
)
def test_a_line_of_another_form_is_named_with_its_place(tmp_path: Path, line: Row, told: str) -> None:
    (found,) = wrong(written(tmp_path, train=[line]))
    assert f"train/some.jsonl:{len(plain('train')) + 1}: " in found
    assert told in found


LONG = "We have lived in Hull since 2019"


def test_a_clause_in_both_parts_is_named_whatever_its_capitals(tmp_path: Path) -> None:
    one, other = (
        row(name, said, (said, "durable", "about")) for name, said in (("a", LONG), ("b", LONG.lower()))
    )
    (found,) = wrong(written(tmp_path, train=[one], held_out=[other]))
    assert found == f"clause {LONG.lower()!r} is in both parts"


def test_a_scenario_in_both_parts_is_named(tmp_path: Path) -> None:
    one, other = row("a", "one", ("one", "passing", "")), row("a", "two", ("two", "passing", ""))
    (found,) = wrong(written(tmp_path, train=[one], held_out=[other]))
    assert found == "scenario 'a' is in both parts"


def test_what_is_labelled_in_two_ways_is_named(tmp_path: Path) -> None:
    one, other = row("a", LONG, (LONG, "durable", "about")), row("a", LONG, (LONG, "passing", ""))
    (found,) = wrong(written(tmp_path, train=[one, other]))
    assert found == f"train: {LONG.lower()!r} is durable and passing"


def test_a_few_words_may_mean_this_and_that(tmp_path: Path) -> None:
    one, other = (
        row("a", "no milk", ("no milk", "durable", "health")),
        row("b", "no milk", ("no milk", "passing", "")),
    )
    assert list(wrong(written(tmp_path, train=[one], held_out=[other]))) == []


def test_a_class_that_is_nearly_all_or_nearly_none_is_named(tmp_path: Path) -> None:
    many = [row("a", f"one {n}", (f"one {n}", "passing", "")) for n in range(int(NEEDED / SHARES[0]))]
    found = list(wrong(written(tmp_path, train=many)))
    assert [each.partition(" of the clauses are ")[2] for each in found] == list(CLASSES)
    assert all(each.startswith("train: ") for each in found)


def test_the_command_names_what_is_wrong_and_tells_how_much_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(written(tmp_path / "right")) == 0
    told = "4 durable, 4 event, 4 passing, 4 dangling, 4 not_own"
    assert capsys.readouterr().out.splitlines() == [
        f"held-out: 20 clauses, {told}",
        f"train: 20 clauses, {told}",
    ]
    assert main(written(tmp_path / "wrong", train=[row("a", "one", ("two", "passing", ""))])) == 1
    assert "does not stand in the text" in capsys.readouterr().out


def test_the_weights_are_of_the_labels_and_features_that_there_are() -> None:
    learned_from = json.loads(WEIGHTS.read_bytes())["learned_from"]
    assert learned_from == digest_of_labels(), (
        "the labels, or what is seen of them, changed: run `make train`"
    )


def test_weights_are_whole_numbers_one_for_each_name() -> None:
    kept = json.loads(WEIGHTS.read_bytes())
    assert kept["classes"]["names"] == list(CLASSES)
    assert kept["kinds"]["names"] == list(KINDS)
    for learned in (kept["classes"], kept["kinds"]):
        weights = [learned["bias"], *learned["of"].values()]
        assert {len(each) for each in weights} == {len(learned["names"])}
        assert {type(weight) for each in weights for weight in each} == {int}
        assert all(any(each) for each in learned["of"].values())
    slope, offset = kept["calibration"]
    assert slope > 0
    assert isinstance(offset, float)
