"""Chains: intention, act and state of one matter are one story, and only the newest part of it is current."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
from random import Random

import pytest

from examples.source import HERE, read_conversations
from shared.domain.facts import FactStatus
from shared.store.facts import StoredFact
from tests.unit.consolidator.building import settle, stored

EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))["must_recall"]

CHAINS = [
    ["We're buying a flat.", "We own our flat now."],
    ["I'm saving up for a house.", "We put in an offer on a house.", "We bought our house."],
    ["We own our flat.", "We sold our flat."],
    ["We're buying an apartment in Bonfim.", "We got the keys to our flat."],
    ["I'm looking to buy a cargo bike.", "I bought a cargo bike.", "I sold my cargo bike."],
    ["I'm looking for a new job.", "I start at Ondata next month.", "I work at Ondata."],
    ["I handed in my notice.", "I joined Ondata as a data engineer."],
    ["I am applying for jobs.", "I got a job at Ondata."],
    ["I work as a data engineer at Caravela Freight.", "I got a new job at Ondata."],
    ["My job at Caravela.", "I work for Ondata now."],
    ["I work at Caravela.", "I was laid off.", "I work at Ondata."],
    ["I'm staying at Caravela, fully remote.", "I work at Ondata."],
    ["I work at Caravela.", "I was laid off from my job."],
    ["I work at Caravela.", "I got fired by the new boss."],
    ["I'm single.", "I've been seeing Priya."],
    ["I work at Caravela.", "I quit my job.", "I joined Ondata as an analyst."],
    ["I'm looking for a new job.", "Got a job at the chippy."],
    ["I work at Caravela.", "I started a new job on Friday.", "I work for the NHS."],
    ["I'm vegan.", "I used to be vegan."],
    ["I'm thinking about getting a dog.", "We adopted a dog called Bolota on Saturday."],
    ["I'm building a tide clock for the wall.", "I finished the tide clock."],
    ["I work at Caravela.", "Got laid off in March.", "Started at Ondata."],
    ["I'm an engineer at Caravela.", "I've been made redundant."],
    ["The user works at Caravela.", "The user was hired by Ondata."],
    ["I live in Lisbon.", "I moved to Porto."],
    ["I live in Lisbon.", "I'm based in Porto."],
    ["I live in Hull.", "I relocated to York."],
    ["I live in Hull.", "Moved to Leeds in May."],
    ["I live in Hull.", "So, we've finally settled in Leeds."],
    ["I live in Hull.", "We're in York now."],
    ["I live in Hull.", "My wife and I live in York."],
    ["We've decided to move to Porto at the end of August.", "We moved to Porto on 31 August."],
    ["I'm vegan.", "I'm no longer vegan."],
    ["I've been vegan since 2021.", "I eat fish and cheese again."],
    ["I'm dating Sam.", "Sam and I got engaged.", "We got married.", "We've separated."],
    ["I'm single.", "I'm in a new relationship.", "My boyfriend and I broke up."],
    ["We're trying for a baby.", "I'm pregnant.", "Our son was born on Friday."],
    ["My wife is expecting.", "We had our baby."],
    ["I'm training for a half marathon.", "I ran my first half marathon this morning in 2:11:08."],
    ["I'm running the Porto half marathon on 14 September 2022.", "I ran the Porto half marathon."],
    ["I'm studying for my bar exam.", "I passed my bar exam."],
    ["I'm learning to drive.", "I passed my driving test."],
    ["I'm a medical student.", "I graduated from Porto."],
    ["I'm doing a PhD in physics.", "I finished my PhD."],
    ["We're planning a trip to Japan.", "We've booked flights to Japan.", "We're back from Japan."],
    ["I want to visit Iceland.", "I went to Iceland with Sam."],
]
"""One part a year, each but the last of them history."""
INTENDED = [
    chain
    for chain in CHAINS
    if not chain[0].startswith(("I live in", "I work at", "I've been vegan", "I'm vegan", "I'm single"))
    and "Caravela" not in chain[0]
    and chain[0] not in ("We own our flat.", "I'm dating Sam.")
]
"""Those that begin with an intention, not with a state."""


def told(chain: list[str], first: int = 2019) -> list[StoredFact]:
    return [stored(said, f"{first + at}-05-0{at + 1}", message=str(at)) for at, said in enumerate(chain)]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0])
async def test_what_led_to_what_is_now_is_its_history(chain: list[str]) -> None:
    facts = told(chain)
    settled = await settle(facts)
    assert settled.current() == [chain[-1]]
    Random(7).shuffle(facts)
    assert (await settle(facts, page=1)).history() == settled.history()


@pytest.mark.parametrize("chain", INTENDED, ids=lambda chain: chain[0])
async def test_a_new_intention_ends_nothing_that_holds(chain: list[str]) -> None:
    """Told the other way round: what they have, then what they are after next."""
    state, intention = chain[-1], chain[0]
    settled = await settle(told([state, intention]))
    assert state in settled.current()


@pytest.mark.parametrize(
    "said",
    [
        ["We own our flat in Lisbon.", "We're buying a flat in Faro."],
        ["We're buying a flat in Faro.", "We own our flat in Lisbon."],
        ["We're buying a house.", "We own our flat."],
        ["We're buying a house.", "We sold our house."],
        ["We're buying a flat.", "We're buying another flat."],
        ["We're buying a flat.", "We signed the contract."],
        ["We're buying a flat.", "My sister owns her flat."],
        ["We're buying a flat.", "My friend bought a flat."],
        ["I own a bike.", "I sold a bike."],
        ["I'm writing a novel.", "I finished the novel by Eco."],
        ["I'm building a tide clock.", "I finished the shed."],
        ["I'm looking for a new job.", "I bought a house."],
        ["I work at Caravela.", "I got a second job at Ondata."],
        ["I work at Caravela.", "I work part-time at Ondata."],
        ["I work at Caravela.", "I also work at Ondata."],
        ["I work at Caravela.", "I work at Ondata on Saturdays."],
        ["I work at Caravela.", "I'm looking for a new job."],
        ["I work at Caravela.", "My sister works at Ondata."],
        ["I work at Caravela.", "I'm interviewing at Ondata."],
        ["I work at Caravela.", "I'm retired from the navy."],
        ["I work at Caravela.", "I was laid off twice in my twenties."],
        ["I work at Caravela.", "I'm looking for a new job.", "I work at Caravela in the north."],
        ["I live in Hull.", "I'm in Leeds for the weekend."],
        ["I live in Hull.", "I'm in Leeds now."],
        ["I live in Hull.", "I visited York."],
        ["I live in Hull.", "We're thinking of moving to York."],
        ["I live in Hull.", "I'm moving to York."],
        ["I live in Hull.", "My friend moved to York."],
        ["I live in Hull.", "Sam moved to York."],
        ["I live in Hull.", "My parents live in York now."],
        ["I live in Hull.", "We moved to Zorvik."],
        ["I'm vegan.", "My husband eats fish."],
        ["I'm vegan.", "I still don't eat meat."],
        ["I'm married.", "My sister is getting married."],
        ["I'm married.", "My friend and his wife separated."],
        ["I'm married.", "I've been seeing how much it helps."],
        ["I'm married.", "I broke up the fight."],
        ["I'm pregnant.", "My sister's son was born on Friday."],
        ["I'm pregnant.", "My daughter was born in 2015."],
        ["I'm training for the London marathon.", "I ran the Berlin marathon."],
        ["I'm training for a marathon.", "I ran a half marathon."],
        ["I'm training for a marathon.", "I ran a marathon in 2015."],
        ["I'm training for a marathon.", "I've run a marathon twice."],
        ["I'm studying for my bar exam.", "I passed my driving test."],
        ["We're planning a trip to Japan.", "We're back from Iceland."],
        ["We're planning a trip to Japan.", "I've been to Japan twice."],
        ["We're planning a trip to Japan.", "I went to Japan as a child."],
        ["I'm a medical student.", "My brother graduated from Porto."],
        ["I'm doing a PhD in physics.", "I graduated in 2015."],
    ],
    ids=" / ".join,
)  # fmt: skip
async def test_what_only_looks_like_it_ends_nothing(said: list[str]) -> None:
    assert (await settle(told(said))).history() == []


async def test_all_stories_at_once_end_the_same_in_any_order_and_pages() -> None:
    facts = [fact for at, chain in enumerate(CHAINS) for fact in told([*chain, *chain[:1]], first=1980 + at)]
    first = await settle(facts, page=1000, newest=date(2024, 1, 1))
    for seed in range(5):
        Random(seed).shuffle(facts)
        again = await settle(facts, page=1 + seed, newest=date(2024, 1, 1))
        assert again.updates == first.updates
        assert again.facts == first.facts


async def test_a_contract_is_that_of_the_flat_that_was_spoken_of_beside_it() -> None:
    said = ["We're buying a flat.", "We signed the contract on 11 April.", "We own our flat now."]
    facts = [stored(text, f"2025-04-0{at + 1}", conversation="flat") for at, text in enumerate(said)]
    assert (await settle(facts)).history() == [*pairwise(said)]


async def test_a_start_ends_the_job_before_it_when_its_day_has_come() -> None:
    start = stored("I start at Ondata on 3 March 2025.", "2025-02-02", valid_from=date(2025, 3, 3))
    facts = [
        stored("I work as a data engineer at Caravela.", "2023-01-10"),
        stored("I'm looking for a new job.", "2024-11-15"),
        start,
    ]
    before = await settle(facts, newest=date(2025, 2, 20))
    assert before.history() == [("I'm looking for a new job.", start.statement)]
    after = await settle(facts, newest=date(2025, 3, 9))
    assert after.current() == [start.statement]
    there = await settle([*facts, stored("I work at Ondata.", "2025-06-01")], newest=date(2025, 7, 1))
    assert there.current() == ["I work at Ondata."]
    assert ("I work as a data engineer at Caravela.", start.statement) in there.history()


async def test_a_last_day_that_has_come_ends_a_job() -> None:
    facts = [
        stored("I work at Caravela.", "2024-01-10"),
        stored("My last day at Caravela is 28 February.", "2025-02-02"),
    ]
    assert (await settle(facts, newest=date(2025, 2, 20))).history() == []
    assert (await settle(facts, newest=date(2025, 3, 9))).current() == []


@pytest.mark.parametrize(
    ("said", "is_past"),
    [
        ("I'm running the Porto half marathon on 14 September 2025.", True),
        ("We get the keys on 30 June.", True),
        ("I'm flying to Galway on 3 August.", True),
        ("I'm in Galway from 16 to 24 September.", True),
        ("We're moving to Leeds in June.", True),
        ("My viva is on 12 June.", True),
        ("I'm running the Porto half marathon on 14 September 2026.", False),
        ("My birthday is on 9 November.", False),
        ("My daughter's birthday is on 3 June.", False),
        ("We meet on the last Tuesday of June.", False),
        ("We married on 18 June 2016.", False),
        ("We signed the contract on 11 June.", False),
        ("I was in Rome in June.", False),
        ("I go to Galway every June.", False),
        ("I may fail.", False),
    ],
)
async def test_a_plan_whose_day_is_past_is_history(said: str, is_past: bool) -> None:
    settled = await settle([stored(said, "2025-05-01")], newest=date(2025, 12, 1))
    assert settled.current() == ([] if is_past else [said])
    assert settled.history() == []
    assert (await settle([stored(said, "2025-05-01")])).current() == [said]


async def test_what_was_bound_to_a_day_to_come_is_history_after_it() -> None:
    said = [
        stored("I rent until the end of June.", "2025-05-01", valid_until=date(2025, 6, 30)),
        stored("I lived in Hull until 2019.", "2025-05-01", valid_until=date(2019, 12, 31)),
    ]
    settled = await settle(said, newest=date(2025, 12, 1))
    assert settled.current() == ["I lived in Hull until 2019."]


async def test_a_home_is_part_of_the_town_moved_to_in_whatever_order_both_are_told() -> None:
    for message in map(str, range(6)):  # ids, which order what was said at once, differ
        said = [
            stored("I live in Lisbon.", "2023-05-01"),
            stored("I moved to Porto.", "2024-09-08", message=message),
            stored("I live in Bonfim now.", "2024-09-08", message=message),
            stored("I live in Porto with my husband.", "2025-03-08"),
        ]
        settled = await settle(said)
        assert [before for before, _ in settled.history()] == ["I live in Lisbon."]


async def test_a_home_in_the_town_that_one_moved_to_does_not_end_the_move() -> None:
    said = [
        stored("I live in Lisbon.", "2023-05-01"),
        stored("I moved to Porto.", "2024-09-01"),
        stored("I live in Bonfim now.", "2024-09-08"),
        stored("I moved to Braga.", "2025-09-08"),
    ]
    assert (await settle(said[:3])).current() == ["I live in Bonfim now.", "I moved to Porto."]
    assert (await settle(said)).current() == ["I moved to Braga."]


async def test_of_the_person_in_the_sample_no_contradiction_stands() -> None:
    """What its person says ends as the sample expects it to, and nothing else does."""
    said: dict[str, StoredFact] = {}
    for script in read_conversations():
        at = script.start
        for block in script.visible:
            at = block.at or at + timedelta(minutes=1)
            for fact in EXPECTED:
                if (fact["conversation"], block.kind) == (script.slug, "user") and fact[
                    "quote"
                ] in block.text:
                    said[fact["id"]] = stored(
                        fact["quote"], at.isoformat(), conversation=script.slug, message=fact["id"]
                    )
    settled = await settle(said.values(), newest=date(2026, 2, 1))
    names = {fact.id: name for name, fact in said.items()}
    ended = {names[fact.id]: fact for fact in settled.facts if fact.status is not FactStatus.CURRENT}
    by = {name: names[fact.superseded_by] for name, fact in ended.items() if fact.superseded_by}
    assert by == {fact["id"]: fact["superseded_by"] for fact in EXPECTED if "superseded_by" in fact}
    assert set(ended) - set(by) == {
        "maeve-birthday",
        "first-draft-by-june",
        "last-day",
        "galway-in-september",
    }
