from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import Conversation, Parsed, ReadLimits, Rejected
from shared.exports.export import open_export
from shared.exports.formats.copilot import LINE, Copilot
from tests.support.exports import zip_of
from tests.support.formats import LIMITS, assert_sound, conversations, detected, read, said
from tests.support.samples import copilot, csv_of

HEADER = ("Conversation", "Time", "Author", "Message")
LINES = ["I bake rye bread", 'Do you say "sour"?', "Yes,\nevery\r\nSunday", "Good"]


def at(second: int) -> str:
    return f"2026-07-26T10:00:{second:02}"


def test_rows_from_the_newest_on_are_turned_around() -> None:
    (found,) = conversations(Copilot(), copilot(LINES))
    assert [text for _, text in said(found)] == LINES
    assert [role for role, _ in said(found)] == ["user", "assistant"] * 2
    assert (found.title, found.created_at, found.updated_at) == ("t", 1740000000.0, 1740000120.0)


def test_a_question_and_its_answer_at_one_time_are_in_order_alone() -> None:
    rows = [("t", at(1), "AI", "answer"), ("t", at(1), "Human", "question")]
    for order in (rows, rows[::-1]):
        (found,) = conversations(Copilot(), csv_of(HEADER, *order))
        assert said(found) == [("user", "question"), ("assistant", "answer")]


def test_what_was_seen_of_the_order_holds_for_later_rows() -> None:
    pairs = [
        ("b", at(9), "AI", "second"), ("b", at(8), "Human", "first"),
        ("a", at(1), "Human", "second"), ("a", at(1), "AI", "first"),
    ]  # fmt: skip
    found = conversations(Copilot(), csv_of(HEADER, *pairs))
    assert [[text for _, text in said(each)] for each in found] == [["first", "second"]] * 2


def test_a_title_taken_up_again_behind_others_is_another_conversation() -> None:
    rows = [("a", at(3), "Human", "three"), ("b", at(2), "Human", "two"), ("a", at(1), "Human", "one")]
    found = conversations(Copilot(), csv_of(HEADER, *rows))
    assert [(each.title, said(each)[0][1]) for each in found] == [("a", "three"), ("b", "two"), ("a", "one")]
    assert len({each.id for each in found}) == 3


def test_its_id_stays_while_a_conversation_grows() -> None:
    (short,), (grown,) = (conversations(Copilot(), copilot(LINES[:n])) for n in (2, 4))
    assert short.id == grown.id
    assert short.updated_at is not None
    assert grown.updated_at is not None
    assert short.updated_at < grown.updated_at


def test_the_files_of_the_apps() -> None:
    header = ("CreatedAt", "MessageContent", "Author", "ChatName")
    rows = [
        ("1/31/2026 10:00:00 +00:00", "I keep goats", "user", "Farm"),
        ("1/31/2026 10:00:01 +00:00", "HIDDEN", "api_tool", "Farm"),
        ("1/31/2026 10:00:02 +00:00", "How many?", "Microsoft 365 Chat", "Farm"),
    ]
    (found,) = conversations(Copilot(), csv_of(header, *rows))
    assert said(found) == [("user", "I keep goats"), ("assistant", "How many?")]
    assert (found.title, found.created_at) == ("Farm", 1769853600.0)


def test_prompts_of_windows_stand_alone() -> None:
    rows = [("2026-01-31T10:00:00", "Paint", "draw my goat"), ("2026-01-31T10:00:01", "Paint", "and a hen")]
    found = conversations(Copilot(), csv_of(("Timestamp", "ClientApp", "Prompt"), *rows))
    assert [(each.title, said(each)) for each in found] == [
        ("Paint", [("user", "draw my goat")]),
        ("Paint", [("user", "and a hen")]),
    ]


@pytest.mark.parametrize(
    ("data", "is_ours"),
    [
        (csv_of(HEADER), True),
        (b"Conversation,Time,Author,Message\n", True),
        (b'"conversation","time","author","message"\r\n', True),
        (b"Conversation,Time,Author\n", False),
        (b"Name,Age,City\nA,1,B\n", False),
        (b"Conversation,Time\rAuthor,Message\n", False),
    ],
)
def test_detection(data: bytes, is_ours: bool) -> None:
    assert isinstance(detected(data), Copilot) == is_ours


def test_an_export_is_read_out_of_its_archive(tmp_path: Path) -> None:
    path = tmp_path / "copilot.zip"
    path.write_bytes(
        zip_of({"copilot-activity-history.csv": copilot(LINES), "people.csv": b"Name,Age,City\n"})
    )
    with open_export(path, LIMITS) as export:
        assert [said(each)[0] for each in export.conversations()] == [("user", LINES[0])]
        assert (export.format_names, export.breaks) == (("copilot",), [])


def test_a_row_with_too_few_columns_is_rejected_and_the_file_goes_on() -> None:
    data = csv_of(HEADER, ("t", at(1)), ("t", at(2), "Human", "Hello"))
    bad, good = read(Copilot(), data)
    assert bad == Rejected("member#2", "its row has 2 columns of 4")
    assert said(good) == [("user", "Hello")]


def broken(data: bytes, limits: ReadLimits = LIMITS) -> tuple[list[Parsed], BrokenExportError]:
    found: list[Parsed] = []
    with pytest.raises(BrokenExportError) as error:
        found.extend(Copilot().read(io.BytesIO(data), "member", limits))  # keeps what came before
    return found, error.value


def test_a_file_that_ends_inside_a_quote_gives_what_came_before() -> None:
    data = csv_of(HEADER, ("b", at(2), "Human", "two"), ("a", at(1), "Human", "one,\nmore"))
    found, error = broken(data[:-6])
    assert [said(each) for each in found] == [[("user", "two")]]
    assert (error.place, error.reason) == ("row 3", "the file ends inside a row")


def test_a_quote_that_is_never_closed_is_not_held() -> None:
    data = csv_of(HEADER, ("b", at(2), "Human", "two")) + b'a,b,Human,"' + b"x" * 300_000
    found, error = broken(data, ReadLimits(conversation_bytes=1024))
    assert [said(each) for each in found] == [[("user", "two")]]
    assert "is a quote not closed?" in error.reason


@pytest.mark.parametrize("text", ["x" * LINE, "x" * (LINE * 2 + 7), "é" * (LINE + 1), "x\n" * LINE])
def test_messages_longer_than_what_is_read_at_a_time_are_whole(text: str) -> None:
    (found,) = conversations(
        Copilot(), csv_of(HEADER, ("t", at(1), "Human", text), ("t", at(0), "Human", "b"))
    )
    assert [turn.text for turn in found.turns] == ["b", text]


def test_a_conversation_over_the_cap_is_rejected_and_the_next_one_read() -> None:
    rows = [("a", at(n % 60), "Human", "x" * 400) for n in range(9)] + [("b", at(1), "Human", "two")]
    bad, good = read(Copilot(), csv_of(HEADER, *rows), ReadLimits(conversation_bytes=1024))
    assert isinstance(bad, Rejected)
    assert bad.reason == "larger than 1024 bytes, the cap on one conversation"
    assert said(good) == [("user", "two")]


@settings(max_examples=100)
@given(st.binary(max_size=80), st.lists(st.text(max_size=9), max_size=5))
def test_nothing_but_a_break_is_raised(data: bytes, cells: list[str]) -> None:
    for raw in (data, csv_of(HEADER, cells), csv_of(HEADER) + data):
        found: list[Parsed] = []
        try:
            found.extend(Copilot().read(io.BytesIO(raw), "member", LIMITS))
        except BrokenExportError:
            continue
        finally:
            for item in found:
                assert_sound(item)
                assert isinstance(item, Conversation | Rejected)
