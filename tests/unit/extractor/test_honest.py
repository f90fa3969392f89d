"""What binding costs where nobody lies. tests/acceptance/test_honest_model.py has it through the pipeline."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.extractor.grounding import ground
from shared.domain.facts import Candidate, Category
from tests.support.chunks import chunk_of, said
from tests.support.fake_claude.honest import Answered, honest_answers
from tests.support.labelled import SAID_ON

NOON = datetime(SAID_ON.year, SAID_ON.month, SAID_ON.day, 12, tzinfo=UTC)


def dropped(answered: Answered) -> list[str]:
    """The facts that are refused, and why."""
    question = said("q", answered.asked, role="assistant", created_at=NOON)
    message = said("m", answered.text, created_at=NOON)
    chunk = chunk_of(*([question] if answered.asked else []), message)
    refused = []
    for fact in answered.facts:
        candidate = Candidate(
            category=Category(fact["category"]),
            statement=fact["statement"],
            quote=fact["quote"],
            message_ids=("m",),
        )
        found = ground(chunk, (candidate,))
        if not found.facts:
            refused.append(f"{dict(found.dropped)} {fact['statement']} <- {answered.text}")
    return refused


@pytest.mark.parametrize(("split", "at_most"), [("labelled", 0.02), ("free", 0.1)])
def test_hardly_a_true_fact_is_dropped(split: str, at_most: float) -> None:
    answers = honest_answers(split)
    refused = [each for answered in answers for each in dropped(answered)]
    assert len(refused) <= at_most * sum(len(each.facts) for each in answers), "\n".join(refused)
