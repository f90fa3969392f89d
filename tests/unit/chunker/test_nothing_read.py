"""A reading of which nothing came: what is complete and empty, and what is told."""

from __future__ import annotations

import pytest

from services.chunker.configured import counts_of, require_something_read
from services.chunker.report import MAX_BREAKS, MAX_REASONS, ChunkingReport, named_breaks
from shared.domain.errors import UnreadableExportError
from shared.exports.containers.members import Break
from shared.exports.conversation import Conversation, LeftOut, PassedOver, Rejected, Turn
from tests.unit.chunker.test_chunker import chunked, talk

OTHER = PassedOver("an activity of another product")


async def test_an_export_without_turns_is_complete_and_empty() -> None:
    for parsed in ([], [talk("a")], [LeftOut("a")], [talk("a"), LeftOut("b")]):
        _, report = await chunked(list(parsed))
        require_something_read(report)


async def test_what_was_seen_and_not_read_is_told_with_the_commonest_reasons() -> None:
    _, report = await chunked([Rejected("a", "no field"), Rejected("b", "no field"), talk("c"), OTHER, OTHER])
    report.breaks = [Break("f", "byte 3", "it is damaged")]
    with pytest.raises(UnreadableExportError) as told:
        require_something_read(report)
    assert str(told.value) == (
        "nothing of the export could be read: 2 of 3 conversations could not be read (2 times: no field); "
        "1 file breaks, the first at byte 3: it is damaged; "
        "2 records are no conversations (2 times: an activity of another product)"
    )


async def test_records_of_which_none_is_a_conversation_are_told() -> None:
    _, report = await chunked([OTHER] * 3)
    assert (report.seen, report.passed_over) == (0, {OTHER.what: 3})
    with pytest.raises(UnreadableExportError, match="3 records are no conversations"):
        require_something_read(report)


async def test_where_something_was_read_nothing_is_raised() -> None:
    _, report = await chunked([Rejected("a", "no field"), OTHER, talk("c", "Hello")])
    report.breaks = [Break("f", "byte 3", "it is damaged")]
    require_something_read(report)


def test_places_where_an_export_breaks_are_bounded_and_all_are_counted() -> None:
    every = [Break(f"{n}.json", "byte 0", "it is damaged") for n in range(MAX_BREAKS + 500)]
    named = named_breaks(every)
    assert named[:-1] == every[: MAX_BREAKS - 1]
    assert named[-1].reason == "and 501 more files, which break or are refused"
    assert named_breaks(every[:MAX_BREAKS]) == every[:MAX_BREAKS]


async def test_lost_messages_of_kept_conversations_are_counted_by_reason() -> None:
    one = Conversation("a", "", [Turn("m", "user", "Hello")], lost=("x", "x", "y"))
    _, report = await chunked([one, one, talk("b", "Hi")])
    counts = counts_of(report)
    assert counts["lost_messages"] == {"x": 2, "y": 1}
    assert counts["conversations"]["passed_over"] == {}


def test_reasons_are_bounded_as_they_name_fields_of_a_strangers_file() -> None:
    report = ChunkingReport()
    report.lose(Conversation("a", "", [], lost=tuple(f"field {n}" for n in range(200))))
    assert len(report.lost) == MAX_REASONS + 1
    assert report.lost.total() == 200
