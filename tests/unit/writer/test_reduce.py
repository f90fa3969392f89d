"""Offline reduction: what is most telling is kept, and no matter crowds out the others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.facts import Category, FactStatus, SettledFact, SourceKind
from shared.english.themes import Theme
from shared.models.base import LINE_TOKENS
from shared.models.writer.reduce import reduce_facts, weight
from tests.unit.consolidator.building import stored


def test_one_matter_does_not_crowd_out_the_others() -> None:
    teas = [stored(f"My favourite tea is T-{n}.", message=str(n)) for n in range(300)]
    home = stored("I live in Porto.", "2019-01-01")
    digest = reduce_facts([*teas, home], 6000)
    assert home in digest.facts
    assert len(digest.facts) < 10
    assert digest.left_out == 301 - len(digest.facts)


def test_instructions_and_often_said_facts_come_first() -> None:
    instruction = stored("Always answer in French.").model_copy(
        update={"source_kind": SourceKind.CUSTOM_INSTRUCTIONS}
    )
    often = stored("I like baking bread.").model_copy(update={"support": 8})
    once = stored("I like sour cherries.")
    assert reduce_facts([once, often, instruction], 9 * LINE_TOKENS).facts == (instruction, often, once)


def test_moves_are_worth_telling_and_old_tastes_less() -> None:
    past = {"status": FactStatus.SUPERSEDED, "superseded_by": stored("x").id}
    home = stored("I live in Lisbon.").model_copy(update=past)
    tea = stored("My favourite tea is oolong.").model_copy(update=past)
    assert reduce_facts([tea, home], 9 * LINE_TOKENS).facts == (home, tea)


KINDS = (
    "My favourite tea is T-{n}.",
    "I live in Town-{n}.",
    "I love sport{n}.",
    "I hate {n} rain.",
    "Answer me in {n}.",
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 9)), unique=True, max_size=80
    ),
    st.integers(0, 80),
    st.integers(1, 1500),
)
def test_parts_and_their_digests_give_the_same(
    said: list[tuple[str, int, int]], cut: int, budget: int
) -> None:
    facts: list[SettledFact] = [
        stored(kind.format(n=n), f"2020-01-{support:02}", message=str(support)) for kind, n, support in said
    ]
    parts = reduce_facts(facts[:cut], budget).facts + reduce_facts(facts[cut:], budget).facts
    whole = reduce_facts(facts, budget).facts
    assert reduce_facts(parts, budget).facts == whole
    assert len(whole) <= max(budget // LINE_TOKENS, 1)
    assert reduce_facts(facts[::-1], budget).facts == whole
    assert max(Counter(fact.id for fact in whole).values(), default=1) == 1


def test_small_happenings_of_long_ago_go_before_what_changed_something() -> None:
    visit = stored("We went to the zoo in Chester.", "2019-05-01", category=Category.DATES)
    later = stored("We went to the zoo in Bristol.", "2024-05-01", category=Category.DATES)
    birth = stored("Our son was born in Chester.", "2019-05-01", category=Category.DATES)
    kept = reduce_facts([visit, later, birth], 2 * LINE_TOKENS).facts
    assert birth in kept
    assert visit not in kept
    assert weight(visit, "", Theme.PLANS) < weight(later, "", Theme.PLANS) < weight(birth, "", Theme.PLANS)
