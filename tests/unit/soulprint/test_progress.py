"""What a run shows while it works."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.store.runs import Reading, RunRow
from soulprint.progress import Progress, Wait

BAR = 25
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = RunRow(
    import_id=UUID(int=1), run=1, user_id=UUID(int=2), pipeline="v2", source="/a.zip", state="extracting",
    progress_percent=25.0, stage="extracting",
    reading=Reading(bytes_read=1_000_000, bytes_total=4_000_000, conversations=1200),
    chunks_total=None, chunks_ok=30, chunks_dead=2, facts_extracted=1500, coverage=None, cost=None,
    error=None,
    redrives=0, on_log=False, requested_at=NOW, begun_at=NOW, finished_at=None, updated_at=NOW,
)  # fmt: skip


def test_the_line_tells_what_was_read_and_found_and_how_long_it_may_take() -> None:
    assert Progress(ROW, 10.0).words() == (
        "extracting: 1.0 of 4.0 MB, 1,200 conversations (120/s), 32 chunks, 1,500 facts, about 30 s left"
    )


def test_of_how_many_chunks_is_told_once_it_is_known() -> None:
    known = ROW.model_copy(update={"chunks_total": 64})
    assert "32 of 64 chunks" in Progress(known, 10.0).words()
    assert Progress(known.model_copy(update={"progress_percent": 0.0}), 10.0).seconds_left is None


def test_what_stands_still_says_why_and_promises_no_end() -> None:
    words = Progress(ROW, 100.0, Wait("the API key is refused")).words()
    assert words.endswith("facts; waiting: the API key is refused")
    assert "left" not in words


def test_it_says_how_long_it_will_wait() -> None:
    words = Progress(ROW, 100.0, Wait("the provider is overloaded (529); trying again", 3900.4)).words()
    assert words.endswith("; waiting: the provider is overloaded (529); trying again; gives up in 1 h 5 min")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_on_a_terminal_it_fits_whatever_the_width(width: int) -> None:
    known = ROW.model_copy(update={"chunks_total": 64})
    beside, below = Progress(known, 10.0).lines(width)
    assert beside == "extracting 25 %, about 30 s left"
    assert BAR + len(beside) < 60
    assert all(len(line) <= width for line in below.splitlines())
    assert " ".join(below.split()) == (
        "1.0 of 4.0 MB, 1,200 conversations (120/s), 32 of 64 chunks, 1,500 facts"
    )
    beside, below = Progress(known, 10.0, Wait("it is overloaded", 1790)).lines(width)
    assert beside == "extracting 25 %"
    assert " ".join(below.split()).startswith("waiting: it is overloaded; gives up in 29 min 50 s 1.0 of")
