from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.text import abridge, estimate_tokens, repair


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("", ""),
        ("plain", "plain"),
        ("Grüße, мир, 世界 🎉", "Grüße, мир, 世界 🎉"),
        ("a\x00b", "ab"),
        ("é\x00", "é"),
        ("x\ud800y", "x\ufffdy"),
        ("\udc00", "\ufffd"),
        ("\ud83c\udf89", "🎉"),
        ("\udf89\ud83c", "\ufffd\ufffd"),
        ("It rains\ue200cite\ue202turn0search1\ue201.", "It rains."),
        ("a\ue200cite\ue202x\ue202y\ue201b\ue200cite\ue202z\ue201c", "abc"),
        ("see \ue203Lisbon\ue204 now", "see Lisbon now"),
        ("never closed \ue200cite\ue202turn0", "never closed citeturn0"),
        ("no separator \ue200word\ue201", "no separator word"),
        ("old【12†source】 and 【4:7†notes.pdf】style", "old and style"),
        ("【重要】お知らせ", "【重要】お知らせ"),
        ("\ud800\x00\ue203a\ue204【1†s】", "\ufffda"),
    ],
)
def test_repair(text: str, repaired: str) -> None:
    assert repair(text) == repaired


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_repaired_text_can_be_stored(text: str) -> None:
    repaired = repair(text)
    repaired.encode()
    assert not set(repaired) & set("\x00\ue200\ue201\ue202\ue203\ue204")


@given(st.text(alphabet="ab\ue200\ue201\ue202【1†】", max_size=40))
def test_citation_marks_never_survive(text: str) -> None:
    assert not set(repair(text)) & set("\ue200\ue201\ue202")


def test_repair_is_linear_in_hostile_marks() -> None:
    # Backtracking over either kind of mark would take hours here.
    assert repair("\ue200" + "\ue202" * 200_000) == ""
    assert repair("\ue200\ue202" * 100_000) == ""
    assert repair("【" * 200_000 + "†") == "【" * 200_000 + "†"


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("世", 1), ("世界", 2), ("\ud800", 1)]
)
def test_estimate_tokens(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@given(st.text(max_size=300), st.integers(0, 100))
def test_abridge_keeps_both_ends_within_the_limit(text: str, limit: int) -> None:
    short = abridge(text, limit)
    if len(text) <= limit:
        assert short == text
        return
    head, mark, tail = short.partition(" […] ")
    if " […] " not in text:
        assert mark
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(head) + len(tail) == limit
