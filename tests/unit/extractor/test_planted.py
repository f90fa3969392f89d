"""What exports plant is found behind whatever the person asked before it."""

from __future__ import annotations

from random import Random

import pytest

from tests.exports.plants import FACTS, Planter
from tests.exports.words import QUESTIONS, SCOPES, TOPICS
from tests.unit.rules.said_support import facts


@pytest.mark.parametrize("template", FACTS)
def test_a_planted_fact_is_found_behind_every_question(template: str) -> None:
    rng = Random(1)
    for number, question in enumerate(QUESTIONS):
        a, b = rng.sample(TOPICS, 2)
        asked = question.format(a=a, b=b, s=rng.choice(SCOPES), n=rng.randint(2, 9))
        marker, sentence = Planter(rng, number).plant((template,))
        assert any(marker in fact.statement for fact in facts(f"{asked} {sentence}")), asked
