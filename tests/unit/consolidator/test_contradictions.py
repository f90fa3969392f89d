"""Contradictions: the later statement wins, the earlier is its history, and a doubt ends nothing."""

from __future__ import annotations

from datetime import date

import pytest

from shared.domain.facts import Category
from tests.unit.consolidator.building import settle, stored


async def test_a_move_makes_the_old_home_history() -> None:
    facts = [
        stored("I live in Lisbon", "2022-05-01", category=Category.BELIEFS),
        stored("I moved to Porto", "2024-03-01", category=Category.DECISIONS),
    ]
    settled = await settle(facts)
    assert settled.current() == ["I moved to Porto"]
    assert settled.history() == [("I live in Lisbon", "I moved to Porto")]
    assert settled.updates[facts[0].id].superseded_by == facts[1].id


async def test_there_and_back_again() -> None:
    said = [
        ("I live in Lisbon", "2020-01-01"),
        ("I live in Lisbon", "2020-09-01"),
        ("I live in Porto", "2022-01-01"),
        ("I live in Lisbon", "2024-01-01"),
        ("I live in Lisbon.", "2025-01-01"),
    ]
    settled = await settle([stored(statement, at) for statement, at in said])
    assert settled.current() == ["I live in Lisbon"]
    assert settled.history() == [
        ("I live in Lisbon", "I live in Porto"),
        ("I live in Porto", "I live in Lisbon"),
    ]
    current = next(fact for fact in settled.facts if fact.superseded_by is None)
    assert current.stated_at is not None
    assert current.stated_at.year == 2024
    assert sorted(fact.support for fact in settled.facts) == [1, 2, 2]


async def test_a_city_and_its_district_said_in_turns_hold_together() -> None:
    said = [("Lisbon", 2018), ("Alfama", 2019), ("Lisbon", 2020), ("Alfama", 2021)]
    settled = await settle([stored(f"I live in {place}", f"{year}-01-01") for place, year in said])
    assert settled.current() == ["I live in Alfama", "I live in Lisbon"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("I'm vegan.", "I stopped being vegan."),
        ("I'm vegan.", "I eat meat again."),
        ("I live in Lisbon with my wife Ana.", "I moved from Lisbon to Porto."),
        ("I live in Lisbon.", "I no longer live in Lisbon."),
        ("I work at Acme.", "I work as a gardener at Globex."),
        ("I'm a teacher.", "I work as a nurse."),
        ("My main language is Python.", "I switched from Python to Rust."),
        ("I use Python.", "I switched from Python to Rust."),
        ("I use VS Code.", "I switched to Neovim."),
        ("My favourite tea is oolong.", "My favourite tea is sencha."),
        ("I love coffee.", "I gave up coffee."),
        ("I gave up coffee.", "I drink coffee again."),
        ("I love olives.", "I hate olives."),
        ("Always answer in French.", "Answer in English."),
        ("Keep your answers short.", "Give me detailed answers."),
        ("I'm 34 years old.", "I'm 35."),
        ("The user lives in Lisbon.", "The user moved to Porto."),
    ],
)
async def test_the_later_wins(earlier: str, later: str) -> None:
    settled = await settle([stored(earlier, "2021-01-01"), stored(later, "2023-01-01")])
    assert settled.history() == [(earlier, later)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("My dog is called Rex.", "My dog is called Max."),
        ("My daughter's name is Mia.", "My daughter's name is Lea."),
        ("I am allergic to nuts.", "I am allergic to cats."),
        ("I use Python.", "I use Rust."),
        ("I use Python.", "I switched to Rust."),
        ("I live in Portugal.", "I live in Lisbon."),
        ("I live in New York.", "I live in New York City."),
        ("I'm a teacher.", "I'm a musician."),
        ("I live in Lisbon.", "I live in Porto during the week."),
        ("I live in Lisbon and work at Acme.", "I live in Porto."),
        ("I gave up coffee.", "I love coffee."),
        ("I'm vegan.", "I stopped being vegetarian."),
        ("I live in Lisbon.", "I moved to Linux."),
        ("I love coffee.", "I love tea."),
    ],
)
async def test_what_may_both_hold_does(earlier: str, later: str) -> None:
    settled = await settle([stored(earlier, "2021-01-01"), stored(later, "2023-01-01")])
    assert settled.history() == []


@pytest.mark.parametrize(
    ("first", "second"),
    [("2022-01-01T08:00", "2022-01-01T21:00"), (None, "2022-01-01"), ("2022-01-01", None), (None, None)],
)
async def test_same_day_and_undated_conflicts_stay_open(first: str | None, second: str | None) -> None:
    settled = await settle([stored("I live in Lisbon", first), stored("I live in Porto", second)])
    assert settled.current() == ["I live in Lisbon", "I live in Porto"]


async def test_an_old_move_told_late_ends_only_what_came_before_it() -> None:
    move = stored("I moved to Porto in 2021.", "2024-01-01", valid_from=date(2021, 1, 1))
    before = await settle([stored("I live in Lisbon", "2021-06-01"), move])
    assert before.history() == [("I live in Lisbon", "I moved to Porto in 2021.")]
    after = await settle([stored("I live in Lisbon", "2023-06-01"), move])
    assert after.history() == []


async def test_what_was_said_again_since_is_not_ended_by_an_older_move() -> None:
    said = [stored("I live in Lisbon", "2020-01-01"), stored("I live in Lisbon", "2023-06-01", message="n")]
    move = stored("I moved to Porto in 2021.", "2024-01-01", valid_from=date(2021, 1, 1))
    assert (await settle([*said, move])).history() == []


async def test_a_state_that_still_held_when_told_outlives_an_older_move() -> None:
    home = stored("I have been living in Lisbon since 2019.", "2023-06-01", valid_from=date(2019, 1, 1))
    move = stored("I moved to Porto in 2021.", "2024-01-01", valid_from=date(2021, 1, 1))
    assert (await settle([home, move])).history() == []


async def test_plans_and_bounded_stays_contradict_nothing() -> None:
    home = stored("I live in Lisbon", "2022-01-01")
    plan = stored("I live in Porto", "2023-01-01", valid_from=date(2023, 9, 1))
    stay = stored("I live in Faro", "2023-02-01", valid_until=date(2023, 8, 31))
    assert (await settle([home, plan, stay])).history() == []


async def test_thousands_of_values_in_one_slot_are_all_told() -> None:
    facts = [
        stored(
            f"My favourite tea is Zorvik-{at}.",
            f"20{10 + at // 1500:02}-{at // 125 % 12 + 1:02}-{at % 27 + 1:02}",
            message=str(at),
        )
        for at in range(20_000)
    ]
    settled = await settle(facts, page=1000)
    assert len(settled.facts) == 20_000
    assert {one for fact in settled.facts for one in fact.message_ids} == {
        one for fact in facts for one in fact.message_ids
    }
    last = max(fact.stated_at.date() for fact in facts if fact.stated_at)
    assert {fact.stated_at.date() for fact in settled.facts if fact.stated_at and not fact.superseded_by} == {
        last
    }
