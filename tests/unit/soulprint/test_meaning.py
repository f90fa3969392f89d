"""Ranks of two searches, put together."""

from __future__ import annotations

from shared.store.chunks import FoundPassage
from soulprint.meaning import fused


def passage(name: str, **more: object) -> FoundPassage:
    fields: dict[str, object] = {
        "conversation_id": name,
        "passage_index": 0,
        "title": "",
        "created_at": None,
        "chunk_tier": "micro",
        "is_recent": False,
        "snippet": "…",
    }
    return FoundPassage(**(fields | more))  # type: ignore[arg-type]


def near(name: str, similarity: float) -> FoundPassage:
    return passage(name, snippet="the beginning", has_words=False, similarity=similarity)


def test_what_both_find_comes_first_with_the_words_around_it() -> None:
    found = fused([passage("new"), passage("both"), passage("old")], [near("close", 0.9), near("both", 0.5)])
    assert [each.conversation_id for each in found] == ["both", "close", "new", "old"]
    both, close, *_ = found
    assert (both.snippet, both.has_words, both.similarity) == ("…", True, 0.5)
    assert (close.snippet, close.has_words, close.similarity) == ("the beginning", False, 0.9)


def test_one_search_alone_keeps_its_order() -> None:
    words = [passage(name) for name in "abc"]
    assert fused(words, []) == words
    close = [near(name, 0.5) for name in "abc"]
    assert fused([], close) == close
