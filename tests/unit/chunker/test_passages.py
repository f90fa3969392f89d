"""Passages: whole text, nothing dropped, bounded size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.chunker.passages import Passage, cut
from services.chunker.passages import passages_of as sized_passages_of
from shared.domain.text import estimate_tokens, text_size
from shared.exports.conversation import Conversation, Turn


def conversation(*texts: str) -> Conversation:
    turns = [Turn(f"m{n}", "user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts)]
    return Conversation("c1", "A title", turns, created_at=1_700_000_000.0)


def passages_of(said: Conversation, limit: int) -> list[Passage]:
    return sized_passages_of(said, [text_size(turn.text) for turn in said.turns], limit)


def test_small_turns_share_a_passage_and_speakers_are_named() -> None:
    (passage,) = passages_of(conversation("Hello", "Hi there"), 2000)
    assert passage.content == "User: Hello\n\nAssistant: Hi there"
    assert (passage.passage_index, passage.message_count, passage.last) == (0, 2, True)
    assert passage.created_at == 1_700_000_000.0


def test_a_full_passage_is_closed_before_the_next_turn() -> None:
    first, second = passages_of(conversation("a" * 4000, "b" * 6000), 2000)
    assert (first.message_count, second.message_count) == (1, 1)
    assert (first.last, second.last) == (False, True)


def test_a_turn_larger_than_a_passage_is_cut_without_loss() -> None:
    text = "word " * 10_000
    pieces = passages_of(conversation(text, "short"), 2000)
    assert "".join(piece.content for piece in pieces).replace("\n\nAssistant: short", "") == f"User: {text}"
    assert all(piece.token_count <= 2001 for piece in pieces)
    assert sum(piece.message_count for piece in pieces) == 2


def test_a_conversation_without_turns_has_no_passages() -> None:
    assert passages_of(conversation(), 2000) == []


@given(st.text(max_size=3000), st.integers(1, 200))
def test_parts_joined_are_the_text(text: str, limit: int) -> None:
    parts = cut(text, limit)
    assert "".join(parts) == text
    assert all(estimate_tokens(part) <= limit or len(part) == 1 for part in parts)
