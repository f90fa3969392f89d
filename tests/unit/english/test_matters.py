"""Topics: what may be compared lies together, and slots are read with care."""

from __future__ import annotations

import pytest

from shared.english.canonical import canonical
from shared.english.claims import claim_of
from shared.english.matters import topic_of


@pytest.mark.parametrize(
    ("statement", "topic", "value"),
    [
        ("I live in Lisbon with my wife Ana.", "slot:residence", "lisbon"),
        ("The user lives in Lisbon.", "slot:residence", "lisbon"),
        ("They live in New York City, NY.", "slot:residence", "new york city"),
        ("I'm living in São Paulo.", "slot:residence", "são paulo"),
        ("i live in lisbon", "slot:residence", "lisbon"),
        ("In 2021 I moved to Porto.", "slot:residence", "porto"),
        ("I live in Portugal.", "slot:country", "portugal"),
        ("I work as a gardener at Zorvik-1234.", "slot:employer", "zorvik-1234"),
        ("I’m a software engineer at Acme Corp.", "slot:employer", "acme corp"),
        ("I work as a nurse in Porto.", "slot:role", "nurse"),
        ("I'm a software engineer at a wave-energy company.", "slot:role", "software engineer"),
        ("I'm vegan.", "slot:diet", "vegan"),
        ("I eat meat again.", "slot:diet", "omnivore"),
        ("I'm on a keto diet.", "slot:diet:keto", "yes"),
        ("My favorite tea is oolong.", "slot:favourite:tea", "oolong"),
        ("Oolong is my favourite tea!", "slot:favourite:tea", "oolong"),
        ("My main language is Rust now.", "slot:language", "rust"),
        ("I use VS Code.", "slot:editor", "vs code"),
        ("I moved to Linux.", "slot:os", "linux"),
        ("I drive a blue Toyota.", "slot:car", "blue toyota"),
        ("My wife's name is Ana.", "slot:partner-name", "ana"),
        ("I got divorced in 2021.", "slot:marital", "divorced"),
        ("I'm 34 years old.", "slot:age", "34"),
        ("My dog is called Zorvik-12.", "many:pet:dog", "zorvik-12"),
        ("The user's dog is called Zorvik-12.", "many:pet:dog", "zorvik-12"),
        ("Always answer in French.", "slot:answer-language", "french"),
        ("The user wants answers in French.", "slot:answer-language", "french"),
        ("I love coffee.", "slot:liking:coffe", "yes"),
    ],
)
def test_slots_are_read(statement: str, topic: str, value: str) -> None:
    claim = claim_of(statement)
    assert claim is not None
    assert (claim.topic, claim.value) == (topic, value)


@pytest.mark.parametrize(
    "statement",
    [
        "I live in a small flat.",
        "I live in constant fear.",
        "We moved to Kubernetes last year.",
        "I drive to work.",
        "My car is red.",
        "My neighbour's dog is called Rex.",
        "I'm engaged in politics.",
        "I used to live in Lisbon.",
        "I want to live in Lisbon.",
        "I love it.",
        "",
        "🙂",
        "私は東京に住んでいます",
    ],
)
def test_what_is_no_slot_is_left_alone(statement: str) -> None:
    assert claim_of(statement) is None


def test_a_restricted_claim_neither_takes_away_nor_falls() -> None:
    for statement in ("I live in Lisbon during the week.", "I use Python for plots."):
        claim = claim_of(statement)
        assert claim is not None
        assert claim.strength == 0
        assert claim.hold > 2


def test_a_claim_that_says_more_is_not_taken_away() -> None:
    claim = claim_of("I live in Lisbon and work at Acme.")
    assert claim is not None
    assert claim.hold > 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I love hiking in the mountains.", "I really love hiking in the mountains!"),
        ("I am learning the cello.", "I'm learning the cello"),
        (
            "I believe that trains deserve more attention.",
            "I truly believe that trains deserve more attention.",
        ),
    ],
)
def test_near_duplicates_share_their_topic(one: str, other: str) -> None:
    assert topic_of("beliefs", one) == topic_of("beliefs", other)


def test_a_topic_is_short_and_named_by_its_category() -> None:
    topic = topic_of("projects", "I am building " + "x" * 5000)
    assert topic.startswith("projects:")
    assert len(topic) < 200
    assert topic_of("projects", "") == "projects:"


def test_the_person_is_written_in_one_way() -> None:
    assert canonical("The user's dog isn't called Rex!").text == "my dog is not called Rex"
    assert canonical("Well, I’m currently living in Lisbon now.").text == "I am living in Lisbon"
    assert canonical("They've moved to Porto").text == "I have moved to Porto"
