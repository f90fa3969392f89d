"""What a clause says as a statement that stands alone."""

from __future__ import annotations

import pytest

from shared.models.rules.forms import forms_of
from shared.models.rules.statement import statements_of
from tests.unit.rules.said_support import statements


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("As a type 1 diabetic", "I'm a type 1 diabetic"),
        ("as a nurse in Leeds", "I'm a nurse in Leeds"),
        ("Being Jain", "I'm Jain"),
        ("With two toddlers at home", "I have two toddlers at home"),
        ("Grew up on a farm", "I grew up on a farm"),
        ("just moved to Hull", "I just moved to Hull"),
        ("been driving for years", "I've been driving for years"),
        ("never broke a bone", "I never broke a bone"),
        ("Never seen Star Wars", "I've never seen Star Wars"),
        ("Vegan since 2019", "I'm vegan since 2019"),
        ("vegan", "I'm vegan"),
        ("Muslim", "I'm Muslim"),
        ("born in Cork", "I was born in Cork"),
        ("allergic to nuts", "I'm allergic to nuts"),
        ("living in Lyon", "I'm living in Lyon"),
        ("can't stand coriander", "I can't stand coriander"),
    ],
)
def test_it_gets_its_subject(words: str, told: str) -> None:
    assert forms_of(words) == (told,)


@pytest.mark.parametrize(
    "words",
    [
        "I live in Leeds",
        "As a nurse I get paid by the hour",
        "being honest",
        "Being the oldest made me bossy",
        "Left wrist's never been the same",
        "Moving checklist please",
        "am I wrong",
        "did you see it",
        "got to go",
        "baked is all right",
        "made me laugh",
        "vegan lasagne recipe",
        "married",
    ],
)
def test_what_has_one_or_may_have_another_stays(words: str) -> None:
    assert forms_of(words) == (words,)


@pytest.mark.parametrize("words", ["As an example", "as a tweet", "As a result", "As a joke obviously"])
def test_what_is_no_person_says_nothing(words: str) -> None:
    assert forms_of(words) == ()


def test_an_introduction_tells_name_work_and_home() -> None:
    told = ("My name is Ada", "I'm a nurse", "I'm from Leeds")
    assert forms_of("I'm Ada, a nurse from Leeds", greets=True) == told
    assert forms_of("my name is Tom, 34, a plumber") == ("My name is Tom", "I'm 34", "I'm a plumber")


def test_an_introduction_follows_a_greeting() -> None:
    told = ["My name is Ada.", "I'm a nurse.", "I'm from Leeds."]
    assert statements("Hi, I'm Ada, a nurse from Leeds. What is a good name for a cat?") == told
    assert statements("Hello! I'm Ada, a nurse from Leeds. What is a good name for a cat?") == told


def test_a_people_is_no_name() -> None:
    for words in ("I'm British, a nurse", "I'm Cree, from Montreal Lake"):
        assert forms_of(words) == (words,)


def test_what_the_quote_does_not_bear_is_said_as_it_stands() -> None:
    assert list(statements_of("got a dog", None, "I never got a dog", event=False)) == [("Got a dog.", None)]
