"""Themes: where a reader would look for a fact."""

from __future__ import annotations

import pytest

from shared.domain.facts import Category, SourceKind
from shared.english.themes import Theme, theme_of
from tests.unit.consolidator.building import stored

P, J, D, B = Category.PREFERENCES, Category.PROJECTS, Category.DATES, Category.BELIEFS


@pytest.mark.parametrize(
    ("statement", "category", "theme"),
    [
        ("I live in Porto.", B, Theme.ABOUT),
        ("My sister lives in Toronto.", B, Theme.HOME),
        ("I have a degree in mathematics.", J, Theme.WORK),
        ("I'm building a tide clock.", J, Theme.PROJECTS),
        ("I have asthma.", B, Theme.HEALTH),
        ("I love trains.", P, Theme.TASTES),
        ("I bought a cargo bike.", P, Theme.TOOLS),
        ("I use a Samsung phone.", P, Theme.TOOLS),
        ("My birthday is on 9 November.", D, Theme.PLANS),
        ("I believe in four-part harmony.", B, Theme.BELIEFS),
        ("I decided to sell my flat.", Category.DECISIONS, Theme.DECISIONS),
        ("We have two dogs.", B, Theme.HOME),
        ("My wife is vegan.", B, Theme.HOME),
        ("I vote Green.", B, Theme.BELIEFS),
        ("I was promoted to head nurse.", Category.DECISIONS, Theme.WORK),
        ("Use bullet points in your answers.", P, Theme.ANSWERS),
        ("I'd like you to use British spelling.", P, Theme.ANSWERS),
        ("Please use metric units.", P, Theme.ANSWERS),
        ("You can call me Sam.", P, Theme.ANSWERS),
        ("Always answer in French.", P, Theme.ANSWERS),
        ("", P, Theme.TASTES),
    ],
)
def test_a_fact_stands_under_its_theme(statement: str, category: Category, theme: Theme) -> None:
    fact = stored(statement or " ", category=category)
    assert theme_of(fact, fact.matter) is theme


def test_imperatives_of_custom_instructions_are_about_answers() -> None:
    custom = {"source_kind": SourceKind.CUSTOM_INSTRUCTIONS}
    asked = stored("Show the code first.").model_copy(update=custom)
    told = stored("I own a boat.").model_copy(update=custom)
    assert theme_of(asked, asked.matter) is Theme.ANSWERS
    assert theme_of(told, told.matter) is Theme.TOOLS
