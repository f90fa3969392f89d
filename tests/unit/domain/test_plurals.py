"""Words around numbers."""

from __future__ import annotations

import pytest

from shared.domain.plurals import counted, listed, plural


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 chunks"), (1, "1 chunk"), (2, "2 chunks"), (1234, "1,234 chunks")]
)
def test_a_count_and_its_noun_agree(count: int, words: str) -> None:
    assert counted(count, "chunk") == words
    assert counted(count, "process", "processes").endswith("process" if count == 1 else "processes")
    assert plural(count, "was", "were") == ("was" if count == 1 else "were")


def test_names_are_listed_as_people_do() -> None:
    assert [listed(list(names)) for names in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
