"""The MEMORY document says what it rests on and what is missing, within its budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.consolidator.document import MemoryScope, header_tokens, render_memory, scope_of
from shared.domain.text import estimate_tokens
from shared.store.runs import Part

SCOPE = MemoryScope(
    conversations=1234,
    messages=9876,
    first=date(2021, 3, 4),
    last=date(2024, 6, 7),
    facts=900,
    chunks_ok=10,
    chunks_total=10,
    budget=6000,
)


def test_an_empty_export_gives_an_honest_short_document() -> None:
    text = render_memory("", MemoryScope(conversations=0))
    assert text == "# Memory\n\nNothing is known yet: 0 conversations held no fact about the person.\n"


def test_a_history_that_could_not_be_read_is_not_told_as_one_without_facts() -> None:
    text = render_memory("", MemoryScope(conversations=100, unread=100, languages=("Finnish",)))
    assert text.startswith("# Memory\n\nNothing is known yet: 100 conversations could not be read.\n")
    few = render_memory("", MemoryScope(conversations=100, unread=98))
    assert "what could be read of 100 conversations held no fact about the person.\n" in few
    assert "- Not read: 100 conversations in a language that this model cannot read (Finnish).\n" in text


def test_the_header_counts_what_is_told() -> None:
    text = render_memory("- a [f:00000001]\n- b [f:00000002]\n", SCOPE)
    assert "2 of 900 facts from 1,234 conversations (9,876 messages), said 2021-03 to 2024-06." in text
    assert "Not read" not in text
    assert (
        "- Not listed: 898 facts, the least telling where there are many of a kind; MEMORY has at most 6,000 "
        "tokens. facts.jsonl and `soulprint show --facts` have all.\n"
    ) in text
    assert "Not listed" not in render_memory("- a [f:00000001]\n", replace(SCOPE, facts=1))
    assert text.endswith("[f:00000002]\n")


def test_every_shortfall_is_told() -> None:
    scope = replace(
        SCOPE,
        chunks_ok=97,
        chunks_total=100,
        unread=7,
        languages=("Finnish", "Thai"),
        skipped=1,
        breaks=("a.json at line 3", "b at 1", "c at 2", "d at 3", "e at 4"),
    )
    text = render_memory("", scope)
    for line in (
        "3 of 100 chunks failed; 97.0% are covered.",
        "7 conversations in a language that this model cannot read (Finnish, Thai).",
        "1 conversation could not be parsed.",
        "the export breaks off in a.json at line 3.",
        "the export breaks off in 2 more places.",
    ):
        assert f"- Not read: {line}\n" in text


def test_the_place_of_a_break_is_told_as_it_is_and_can_hold_no_markup() -> None:
    broken = {"file": "my (1).zip/<b>[x](y).json", "place": "byte 300000, after conversation 12"}
    text = render_memory("", scope_of([Part(lineage="", vendor="", breaks=[broken])], 0, None, None))
    assert "breaks off in my (1).zip/?b??x?(y).json at byte 300000, after conversation 12.\n" in text


def test_what_is_not_sure_is_told_apart_from_what_found_no_room() -> None:
    text = render_memory("- a [f:00000001]\n", replace(SCOPE, facts=31, unsure=20))
    assert (
        "- Not listed: 20 facts that are less certain and were said once; 10 facts, the least telling" in text
    )
    text = render_memory("- a [f:00000001]\n", replace(SCOPE, facts=21, unsure=20))
    assert "said once. facts.jsonl and `soulprint show --facts` have all." in text


def test_room_is_left_for_the_header() -> None:
    body = "x" * 400
    whole = render_memory(body, SCOPE)
    assert estimate_tokens(whole) <= header_tokens(SCOPE) + estimate_tokens(body) + 1
