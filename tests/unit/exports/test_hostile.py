"""Every kind of export made to do harm, small: nothing escapes but a reason, what is read keeps its
promises, and what stands beside the harm is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.errors import UnreadableExportError
from shared.exports.conversation import Conversation, ReadLimits
from shared.exports.export import open_export
from tests.exports.hostile import CASES, Hostile, corpus
from tests.support.formats import assert_sound
from tests.support.hostile_exports import unprintable

MOST = 6 * 1024
EACH = [Hostile(number, each, each.name, min(MOST, each.full)) for number, each in enumerate(CASES)]


def read(export: Hostile, folder: Path) -> list[Conversation]:
    """The conversations with words, if any can be read."""
    folder.mkdir(exist_ok=True)
    try:
        opened = open_export(export.write(folder), ReadLimits())
    except UnreadableExportError as error:
        message = str(error).removeprefix(str(folder))
        assert not list(unprintable(message.replace(str(folder), ""))), message
        return []
    with opened:
        found = []
        for each in opened.conversations():
            assert_sound(each)
            if isinstance(each, Conversation) and each.turns:
                found.append(each)
        for one in opened.breaks:
            assert not list(unprintable([one.file, one.place, one.reason]))
    return found


@pytest.mark.parametrize("kind", dict.fromkeys(each.case.kind for each in EACH))
def test_each_way_to_harm_ends_in_a_reason_or_is_read(kind: str, tmp_path: Path) -> None:
    for export in (each for each in EACH if each.case.kind == kind):
        read(export, tmp_path)


def test_texts_in_every_format_are_read_whole(tmp_path: Path) -> None:
    for export in corpus(seed=2, count=330, most=2048):
        if export.case.kind == "texts" and "-in-" in export.case.name:
            said = [
                turn.text for each in read(export, tmp_path) for turn in each.turns if turn.role == "user"
            ]
            assert any("Ghent" in text for text in said), export.name
            assert any("nurse" in text for text in said), export.name


@pytest.mark.parametrize("name", [c.name for c in CASES if c.kind == "html" and "-in-the-" in c.name])
def test_what_stands_before_and_behind_a_hostile_activity_is_read(name: str, tmp_path: Path) -> None:
    (export,) = (each for each in EACH if each.case.name == name)
    said = " ".join(turn.text for each in read(export, tmp_path) for turn in each.turns)
    assert "bees" in said
    assert "bats" in said


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        for export in corpus(seed=3, count=40, most=1024):
            export.write(folder)
    for path in one.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()
