"""What MEMORY takes of facts that may have been misunderstood."""

from __future__ import annotations

import pytest

from shared.domain.facts import SourceKind
from shared.english.likely import LIKELY, is_likely
from tests.unit.consolidator.building import stored


@pytest.mark.parametrize(
    ("statement", "changes", "likely"),
    [
        ("We grow dahlias.", {"confidence": LIKELY}, True),
        ("We grow dahlias.", {"confidence": 0.6}, False),
        ("We grow dahlias.", {"confidence": 0.6, "support": 2}, True),
        ("Dahlias.", {"confidence": 0.6, "source_kind": SourceKind.CUSTOM_INSTRUCTIONS}, True),
        ("My name is Ana.", {"confidence": 0.6}, True),
        ("I'm allergic to nuts.", {"confidence": 0.6}, True),
        ("I love this idea.", {"confidence": 0.6}, False),
    ],
)
def test_what_was_said_once_and_is_not_sure_is_kept_and_not_told(
    statement: str, changes: dict[str, object], likely: bool
) -> None:
    assert is_likely(stored(statement).model_copy(update=changes)) is likely


def test_what_claude_infers_is_no_guess() -> None:
    assert is_likely(stored("We grow dahlias.").model_copy(update={"confidence": 0.6}), 0.6)
