"""Merging: what says the same is one fact, and nothing is lost."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.facts import FactStatus
from tests.unit.consolidator.building import settle, stored


async def test_the_same_words_in_other_conversations_are_support() -> None:
    facts = [
        stored("I love hiking", "2021-01-02", message="a"),
        stored("I really love hiking!", "2022-03-04", message="b"),
        stored("I LOVE HIKING.", "2020-05-06", message="c"),
        stored("i love hiking", "2023-05-06", message="d", conversation="c-2020-05-06"),
    ]
    settled = await settle(facts)
    [fact] = settled.facts
    assert fact.id == facts[2].id, "the earliest speaks for all"
    assert fact.support == 3
    assert fact.message_ids == ("c-2020-05-06", "a-2021-01-02", "b-2022-03-04", "d-2023-05-06")
    assert fact.merged_ids == tuple(sorted(each.id for each in facts if each.id != fact.id))
    assert settled.updates[facts[0].id].merged_into == fact.id
    assert settled.settlement.merged == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My dog is called Zorvik-12.", "My dog is called Zorvik-13."),
        ("I prefer tea to coffee.", "I prefer coffee to tea."),
        ("I drink my coffee with milk.", "I drink my coffee without milk."),
        ("I think cycling in winter is safe.", "I think cycling in winter is not safe."),
        ("I write my firmware in C.", "I write my firmware in C++."),
        ("I run 10 km every morning before work.", "I run 12 km every morning before work."),
        ("I want to learn the piano this year with Ana.", "I want to learn the violin this year with Ana."),
        ("I was a vegetarian cook.", "I am a vegetarian cook."),
        ("मुझे चाय पसंद है की", "मुझे चाय पसंद है के"),
    ],
)
async def test_what_differs_in_meaning_stays_apart(one: str, other: str) -> None:
    settled = await settle([stored(one, message="a"), stored(other, message="b")])
    assert len(settled.facts) == 2


async def test_one_further_word_among_five_is_the_same() -> None:
    settled = await settle(
        [
            stored("I restore wooden sailing boats in our old barn", "2021-01-01", message="a"),
            stored("I restore beautiful wooden sailing boats in our old barn", "2022-01-01", message="b"),
        ]
    )
    assert [fact.support for fact in settled.facts] == [2]


async def test_a_longer_statement_first_absorbs_the_shorter() -> None:
    settled = await settle(
        [
            stored("I restore beautiful wooden sailing boats in our old barn", "2021-01-01", message="a"),
            stored("I restore wooden sailing boats in our old barn", "2022-01-01", message="b"),
        ]
    )
    assert [fact.support for fact in settled.facts] == [2]


async def test_the_same_words_bound_to_other_days_are_two_facts() -> None:
    facts = [
        stored("My exam is next week.", "2021-01-01", valid_from=date(2021, 1, 8)),
        stored("My exam is next week.", "2022-01-01", valid_from=date(2022, 1, 8)),
    ]
    assert len((await settle(facts)).facts) == 2


async def test_an_undated_fact_gives_way_to_a_dated_one() -> None:
    dated = stored("I love hiking", "2021-01-02")
    settled = await settle([stored("I love hiking", None), dated])
    assert [fact.id for fact in settled.facts] == [dated.id]


STATEMENTS = (
    "I live in Lisbon.", "I live in Porto", "I moved to Porto in 2021.", "I moved from Porto to Lisbon.",
    "I no longer live in Porto.", "I live in Lisbon with my wife Ana.", "My favourite tea is A-1.",
    "My favourite tea is B-2.", "B-2 is my favourite tea", "I love hiking", "I really love hiking!",
    "I gave up coffee.", "I love coffee.", "I drink coffee again.", "I'm vegan.", "I stopped being vegan.",
    "My dog is called Rex.", "My dog is called Max.", "I use Vim.", "I switched from Vim to Emacs.", "",
)  # fmt: skip
SAID = st.tuples(
    st.sampled_from(STATEMENTS),
    st.sampled_from([None, "2020-01-01", "2020-06-01", "2021-07-01", "2023-01-01", "2024-02-02"]),
    st.sampled_from("abcde"),
    st.sampled_from([None, date(2021, 1, 1), date(2030, 1, 1)]),
)


@settings(max_examples=150)
@given(
    said=st.lists(SAID, unique=True, max_size=30),
    seed=st.integers(),
    page=st.integers(1, 12),
    tight=st.booleans(),
)
async def test_nothing_vanishes_and_order_does_not_matter(
    said: list[tuple[str, str | None, str, date | None]], seed: int, page: int, tight: bool
) -> None:
    facts = [
        stored(statement or " ", stated, message=message, valid_from=valid_from)
        for statement, stated, message, valid_from in said
    ]
    limit = 3 if tight else 2000
    shuffled = facts[:]
    Random(seed).shuffle(shuffled)
    settled = await settle(facts, page, limit)
    again = await settle(shuffled, 1000, limit)
    assert settled.facts == again.facts
    assert settled.updates == again.updates
    named = [fact.id for fact in settled.facts] + [one for fact in settled.facts for one in fact.merged_ids]
    assert sorted(named) == sorted(fact.id for fact in facts)
    assert {one for fact in settled.facts for one in fact.message_ids} == {
        one for fact in facts for one in fact.message_ids
    }
    for fact in settled.facts:
        assert (fact.status is FactStatus.SUPERSEDED) == (fact.superseded_by is not None)
        if fact.superseded_by is not None:
            successor = settled.by_id[fact.superseded_by]
            assert fact.stated_at is not None
            assert successor.stated_at is not None
            assert fact.stated_at < successor.stated_at
    counts = settled.settlement
    assert counts.kept + counts.merged == len(facts)
    assert {fact.id for fact in settled.facts if fact.support > 1 or fact.superseded_by} | {
        one for fact in settled.facts for one in fact.merged_ids
    } == set(settled.updates), "only rows that changed are written"
