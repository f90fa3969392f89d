"""Reduction: bounded calls, bounded memory, nothing from nowhere, and the same result however it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from services.consolidator.reduction import Reduction, ReductionPolicy
from shared.domain.events import Usage
from shared.domain.facts import SettledFact
from shared.models.base import Digest
from shared.models.writer.reduce import reduce_facts
from tests.unit.consolidator.building import stored
from tests.unit.consolidator.models import Rules


def many(count: int) -> list[SettledFact]:
    """Facts of many matters, of some far too many."""
    rng = Random(7)
    kinds = (
        "My favourite tea is T-{n}.",
        "I live in Town-{n}.",
        "My dog is called Rex-{n}.",
        "I believe {n} matters.",
        "I am building ship number {n} with sails{n}.",
        "Always answer like a pirate{n}.",
    )
    return [
        stored(rng.choice(kinds).format(n=n), f"20{n % 14 + 10}-03-04", message=str(n)) for n in range(count)
    ]


class Watched(Rules):
    """The offline rules, noting how many facts each call read."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        self.sizes.append(len(facts))
        return reduce_facts(facts, budget_tokens)


async def reduced(facts: Sequence[SettledFact], budget: int, model: Rules) -> Digest:
    reduction = Reduction(model, ReductionPolicy(budget))
    await reduction.add(facts)
    return await reduction.finish()


@pytest.mark.parametrize("budget", [30, 600, 6000])
async def test_the_cut_does_not_show(budget: int) -> None:
    facts = many(5000)
    model = Watched()
    in_levels = await reduced(facts, budget, model)
    at_once = reduce_facts(facts, budget)
    assert in_levels.facts == at_once.facts
    assert in_levels.left_out == at_once.left_out == 5000 - len(at_once.facts)
    policy = ReductionPolicy(budget)
    assert len(model.sizes) > 5
    assert max(model.sizes) <= max(policy.batch_facts, policy.fan_in * policy.digest_facts)


async def test_no_fact_comes_from_nowhere() -> None:
    facts = many(10)
    stranger = stored("I rule the world.")

    class Liar(Rules):
        async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
            forged = facts[0].model_copy(update={"statement": "I am rich."})
            return Digest((stranger, forged, forged, facts[1]), usage=Usage(calls=1, cost=None))

    digest = await reduced(facts, 6000, Liar())
    assert digest.facts == (facts[0], facts[1])
    assert digest.left_out == 8
    assert digest.usage.calls == 1


async def test_a_model_that_drops_nothing_is_bounded_all_the_same() -> None:
    class Keeper(Watched):
        async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
            self.sizes.append(len(facts))
            return Digest(tuple(facts))

    model = Keeper()
    digest = await reduced(many(9000), 6000, model)
    policy = ReductionPolicy(6000)
    assert max(model.sizes) <= policy.fan_in * policy.digest_facts
    assert len(digest.facts) == policy.digest_facts
    assert digest.left_out == 9000 - policy.digest_facts


async def test_nothing_costs_no_call() -> None:
    model = Watched()
    assert await reduced([], 6000, model) == Digest(())
    assert model.sizes == []
