"""Bad input: a clear error that names the file and the place, nothing lost, nothing half-written."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command import facts, report
from tests.support.exports import chain, json_of
from tests.support.forking import ForkedSoulprint

LINES = ["I live in Lisbon.", "Noted!", "My dog is called Bolota.", "Lovely name."]


def good(name: str = "one") -> dict[str, object]:
    return chain(*LINES, conversation_id=name)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def run_of(export: Path, folder: Path) -> tuple[str | Path, ...]:
    """A run into a test's own folder, whose user is its own too."""
    return "run", export, "--out", folder / "out", "--user", folder.name


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "nothing.zip", "nothing.zip"),
    "empty file": (lambda folder: written(folder / "empty.json", b""), "empty"),
    "not an export": (lambda folder: written(folder / "notes.txt", b"Dear diary"), "notes.txt"),
    "other json": (lambda folder: written(folder / "other.json", b'{"a": [1, 2]}'), "other.json"),
    "other zip": (lambda folder: _zip(folder / "pictures.zip", {"a.png": b"\x89PNG"}), "pictures.zip"),
}


def _zip(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_export_ends_with_2_and_names_the_file(
    case: str, homeless: ForkedSoulprint, tmp_path: Path
) -> None:
    make, named = UNREADABLE[case]
    ended = homeless(*run_of(make(tmp_path), tmp_path))
    assert ended.code == 2, ended.err
    assert named in ended.err
    assert "Traceback" not in ended.err
    assert not list((tmp_path / "out").iterdir())


def test_an_empty_export_is_complete_and_says_so(forked: ForkedSoulprint, tmp_path: Path) -> None:
    ended = forked(*run_of(_zip(tmp_path / "e.zip", {"conversations.json": b"[]"}), tmp_path))
    assert ended.code == 0, ended.err
    assert facts(tmp_path / "out") == []
    assert "Nothing is known yet" in (tmp_path / "out" / "MEMORY.md").read_text("utf-8")
    assert report(tmp_path / "out")["chunks"]["total"] == 0


def test_a_file_that_breaks_gives_what_it_held_and_says_where_it_broke(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    whole = json_of([good("one"), good("two")])
    broken = written(tmp_path / "broken.json", whole[: int(len(whole) * 0.75)])
    ended = forked(*run_of(broken, tmp_path))
    assert ended.code == 3, ended.err
    first, *_, last = ended.out.splitlines()
    assert first.startswith("complete, of what could be read: 1 conversation")
    assert "The export breaks in 1 place: what comes after is missing" in last
    assert report(tmp_path / "out")["coverage_of"] == "what could be read"
    (found,) = report(tmp_path / "out")["breaks"]
    assert found["file"].endswith("broken.json")
    assert "byte" in found["place"]
    assert "breaks off" in (tmp_path / "out" / "MEMORY.md").read_text("utf-8")
    assert {fact["statement"] for fact in facts(tmp_path / "out")} == {LINES[0], LINES[2]}


def test_a_cut_off_export_does_not_take_the_place_of_a_fuller_memory_until_the_person_says_so(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    pastimes = ("sailing", "chess", "pottery", "climbing", "baking", "astronomy")
    told_of = json_of([chain(f"I love {what}.", "Noted!", conversation_id=what) for what in pastimes])
    whole = _zip(tmp_path / "whole.zip", {"conversations.json": told_of}, zipfile.ZIP_STORED)
    cut = written(tmp_path / "cut.zip", whole.read_bytes()[: whole.stat().st_size // 3])
    assert forked(*run_of(whole, tmp_path)).code == 0
    ended = forked(*run_of(cut, tmp_path))
    told = report(tmp_path / "out")
    assert (ended.code, told["status"], told["unserved"]) == (4, "unserved", "smaller"), ended.out + ended.err
    assert ended.out.startswith("not served: ")
    accept = ("accept", told["import_id"])
    assert f"soulprint {' '.join(accept)}" in ended.out.splitlines()[-1]
    own = (tmp_path / "out" / "MEMORY.md").read_text("utf-8")
    assert "breaks off" in own
    assert {fact["conversation_id"] for fact in facts(tmp_path / "out")} == {"sailing", "chess"}
    shown = ("show", "--user", tmp_path.name)
    assert "breaks off" not in forked(*shown).out
    status = forked("status", told["import_id"])
    assert (status.code, "unserved" in status.out) == (4, True)
    assert forked(*accept).code == 0
    assert forked(*shown).out.strip() == own.strip()
    assert forked("status", told["import_id"]).code == 3
    assert forked(*run_of(whole, tmp_path)).code == 0
    assert forked(*run_of(cut, tmp_path), "--replace").code == 3


def test_several_files_are_one_import_whatever_their_order(forked: ForkedSoulprint, tmp_path: Path) -> None:
    one = written(tmp_path / "one.json", json_of([chain("I live in Lisbon.", "ok", conversation_id="one")]))
    two = _zip(tmp_path / "two.zip", {"c.json": json_of([chain("My dog is called Bolota.", "ok")])})
    estimate = forked(*run_of(one, tmp_path), two, one, "--dry-run", "--json")
    assert estimate.json()["conversations"] == 2
    assert forked(*run_of(one, tmp_path), two, one).code == 0
    first = report(tmp_path / "out")
    assert {fact["statement"] for fact in facts(tmp_path / "out")} == {LINES[0], LINES[2]}
    assert forked(*run_of(two, tmp_path), one).code == 0
    again = report(tmp_path / "out")
    assert (again["import_id"], again["run"], again["chunks"]["cached"]) == (first["import_id"], 2, 1)
    refused = forked(*run_of(two, tmp_path), tmp_path / "three.zip")
    assert (refused.code, "three.zip does not exist" in refused.err) == (2, True)


def test_one_bad_conversation_is_skipped_and_named(forked: ForkedSoulprint, tmp_path: Path) -> None:
    path = written(tmp_path / "c.json", json_of([good("one"), 7, {"id": "x", "mapping": 3}, good("two")]))
    assert forked(*run_of(path, tmp_path)).code == 0
    conversations = report(tmp_path / "out")["conversations"]
    assert (conversations["seen"], conversations["kept"], len(conversations["skipped"])) == (4, 2, 2)
    assert all(each["id"] and each["reason"] for each in conversations["skipped"])


def test_an_export_of_which_nothing_can_be_read_fails(forked: ForkedSoulprint, tmp_path: Path) -> None:
    path = written(tmp_path / "c.json", json_of([{"id": "x", "mapping": {"a": 3}, "create_time": 1}, 7, 8]))
    truncated = written(tmp_path / "t.json", json_of([good("one")])[:300])
    renamed = written(tmp_path / "r.json", json_of([good("one")]).replace(b'"parts"', b'"wording"'))
    for unread, told in (
        (path, "is not a chat export"),
        (truncated, "1 file breaks"),
        (renamed, "content.wording[]"),
    ):
        ended = forked(*run_of(unread, tmp_path))
        assert (ended.code, list((tmp_path / "out").iterdir())) == (2, []), ended.err + ended.out
        assert "Traceback" not in ended.err
        assert told in " ".join(ended.err.split())


def test_messages_that_could_not_be_read_are_counted_in_the_last_lines(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    whole = json_of([good("one")])
    data = b'"wording"'.join(whole.rsplit(b'"parts"', 2)[:2]) + b'"parts"' + whole.rsplit(b'"parts"', 1)[1]
    ended = forked(*run_of(written(tmp_path / "c.json", data), tmp_path))
    assert ended.code == 0, ended.err
    (lost,) = report(tmp_path / "out")["lost_messages"].items()
    assert lost == ("its words stand in `content.wording[]`, a field that is not known", 1)
    assert "1 message could not be read" in ended.out
    assert "1 message in fields" in (tmp_path / "out" / "MEMORY.md").read_text("utf-8")


def test_hostile_text_reaches_neither_the_database_nor_the_page(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    lines = [
        "I live in Lisbon\x00 \ud800'); DROP TABLE facts; -- .",
        "ok",
        "My dog is called <script>alert(1)</script>.",
        "ok",
        "I love # headings\n# Not a heading",
    ]
    path = written(tmp_path / "c.json", json_of([chain(*lines)]))
    ended = forked(*run_of(path, tmp_path))
    assert ended.code == 0, ended.err
    memory = (tmp_path / "out" / "MEMORY.md").read_text("utf-8")
    assert "<script>" not in memory
    assert "\n# Not a heading" not in memory
    assert forked("show", "--facts", "--user", tmp_path.name).code == 0


def test_a_history_in_a_language_that_is_not_read_is_not_told_as_read(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    said = "Asun Tampereella ja työskentelen sairaanhoitajana.", "Selvä!"
    foreign = [chain(*said, conversation_id=f"fi{n}") for n in range(19)]
    ended = forked(*run_of(written(tmp_path / "c.json", json_of([*foreign, good()])), tmp_path))
    assert ended.code == 0, ended.err
    assert "19 of 20 conversations were not read" in ended.out.splitlines()[-1]
    assert "(Finnish)" in ended.out.splitlines()[-1]
    told = report(tmp_path / "out")
    assert told["unread"] == {"conversations": 19, "languages": {"Finnish": 19}, "languages_of": 20}
    assert told["coverage"] == 0.05
    assert "- Not read: 19 conversations" in (tmp_path / "out" / "MEMORY.md").read_text("utf-8")


def test_very_large_conversations_and_messages(forked: ForkedSoulprint, tmp_path: Path) -> None:
    words = " ".join(f"number {n}" for n in range(350_000))
    path = written(
        tmp_path / "c.json.gz",
        gzip.compress(
            json_of(
                [chain(words, "ok", f"{words} I live in Lisbon.", "ok", conversation_id="big"), good("two")]
            )
        ),
    )
    ended = forked(*run_of(path, tmp_path))
    assert ended.code == 0, ended.err
    assert report(tmp_path / "out")["coverage"] == 1.0
    assert report(tmp_path / "out")["person_characters"] > 2 * len(words)
    assert "My dog is called Bolota." in {fact["statement"] for fact in facts(tmp_path / "out")}


def test_an_output_folder_that_cannot_be_written_is_found_out_before_any_work(
    homeless: ForkedSoulprint, tmp_path: Path
) -> None:
    blocked = written(tmp_path / "file", b"")
    ended = homeless("run", written(tmp_path / "c.json", json_of([good()])), "--out", blocked / "out")
    assert ended.code == 2
    assert str(blocked) in ended.err
    assert not homeless.command.home.exists()


def test_files_of_somebody_else_are_replaced_only_by_force(forked: ForkedSoulprint, tmp_path: Path) -> None:
    export = written(tmp_path / "c.json", json_of([good()]))
    (tmp_path / "out").mkdir()
    theirs = written(tmp_path / "out" / "AGENTS.md", b"Run the tests with make.")
    refused = forked(*run_of(export, tmp_path))
    assert (refused.code, "AGENTS.md" in refused.err, "--force" in refused.err) == (2, True, True)
    assert forked("show", "--user", tmp_path.name).code == 1  # nothing was begun
    assert theirs.read_bytes() == b"Run the tests with make."
    assert forked(*run_of(export, tmp_path), "--force").code == 0
    assert forked(*run_of(export, tmp_path)).code == 0
    assert b"make" not in theirs.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "x", "--model", "parrot"),
        ("show", "--facts", "--why", "a"),
        ("show", "--section", "no"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], homeless: ForkedSoulprint) -> None:
    ended = homeless(*arguments)
    assert ended.code == 2, ended.err
    assert ended.err


def test_a_file_whose_name_is_no_utf_8_is_read_and_such_a_user_is_refused(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    folder = tmp_path / "old\udcff"
    folder.mkdir()
    export = written(folder / "ex\udcffport.json", json_of([good(), 7]))
    ended = forked(*run_of(export, tmp_path), "--out", folder / "\udcfe out")
    assert ended.code == 0, ended.err
    assert "\ufffd out" in ended.out
    assert forked(*run_of(folder / "\udcfe.zip", tmp_path)).code == 2
    for arguments in (("run", export), ("show",), ("usage",)):
        refused = forked(*arguments, "--user", "\udcff")
        assert (refused.code, "the user's name is not UTF-8" in refused.err) == (2, True), refused.err


def test_a_wrong_setting_is_named_and_its_value_is_not(homeless: ForkedSoulprint) -> None:
    settings = (("SOULPRINT_CHUNK_TOKENS", "secret"),)
    ended = replace(homeless, command=replace(homeless.command, settings=settings))("doctor")
    assert ended.code == 2
    assert "SOULPRINT_CHUNK_TOKENS" in ended.err
    assert "secret" not in ended.err
