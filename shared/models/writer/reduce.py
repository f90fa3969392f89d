"""The offline reduction: the most telling facts by a fixed weighing, never many of one kind.

A fact's weight depends on the fact alone, and the limits are counts within counts (matter and status within
theme within all), so reducing parts and then their digests gives the same as reducing all at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from math import log2

from shared.domain.facts import Category, FactStatus, SettledFact, SourceKind
from shared.english.matters import matter_of
from shared.english.themes import Theme, theme_of
from shared.models.base import LINE_TOKENS, Digest

CURRENT_OF_A_MATTER = 4
HISTORY_OF_A_MATTER = 3
THEME_SHARE = 0.4
"""Most of the facts that one theme may take."""

_CATEGORY = {
    Category.BELIEFS: 1.0,
    Category.PROJECTS: 1.0,
    Category.DECISIONS: 0.9,
    Category.DATES: 0.8,
    Category.PREFERENCES: 0.7,
}
_THEME = {
    Theme.ANSWERS: 1.5,
    Theme.ABOUT: 1.2,
    Theme.HEALTH: 1.0,
    Theme.HOME: 0.9,
    Theme.WORK: 0.9,
}
_SLOT_BONUS = 0.8
_CUSTOM_BONUS = 1.0
_HISTORY_COST = 1.5
_MOVE_COST = 0.3
_MOVES = (
    "slot:residence",
    "slot:country",
    "slot:employer",
    "slot:role",
    "slot:diet",
    "slot:marital",
    "slot:language",
)
"""Matters whose history is worth telling."""
_SUPPORT_WEIGHT = 0.5
_YEAR_WEIGHT = 0.1
_CHANGE_BONUS = 0.6
_HAPPENING_COST = -0.2
"""A year: a visit of long ago is told where there is room."""
_FRESH = date(2030, 1, 1)
_LONG_AGO = 10.0
_CHANGES = re.compile(
    r"\b(?:born|birth(?:day)?|died|dies|dying|passed away|death|funeral|widow\w*|lost my|married|wedding"
    r"|engaged|anniversary|divorc\w*|separated|split up|broke up|moved|moving|move to|emigrat\w*|settled"
    r"|bought|sold|adopt\w*|pregnan\w*|expecting|miscarr\w*|due|diagnos\w*|surgery|operation|operated"
    r"|hospital|stroke|cancer|remission|graduat\w*|passed|failed|accepted|admitted|rejected|enrolled"
    r"|start(?:ed)?|beg[aiu]n|joined|quit|left|resign\w*|retire\w*|hired|fired|laid off|redundan\w*"
    r"|promot\w*|founded|opened|closed|launched|published|won|finished|gave up|stopped|converted"
    r"|citizen\w*|exam\w*|result\w*|decided|switched|became)\b",
    re.IGNORECASE,
)
"""With what an event is told that changed something: births and deaths, moves, health, work, results."""
_EPOCH = date(2020, 1, 1)


def weight(fact: SettledFact, matter: str, theme: Theme) -> float:
    """How telling a fact is; independent of every other fact and of today."""
    total = _CATEGORY[fact.category] + _THEME.get(theme, 0.5) + fact.confidence * 0.5
    total += log2(fact.support) * _SUPPORT_WEIGHT
    if fact.stated_at is not None:
        total += (fact.stated_at.date() - _EPOCH).days / 365 * _YEAR_WEIGHT
    if fact.category in (Category.DATES, Category.DECISIONS):
        total += _CHANGE_BONUS if changed_something(fact) else _HAPPENING_COST * _years_before(fact)
    if matter.startswith("slot:"):
        total += _SLOT_BONUS
    if fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS:
        total += _CUSTOM_BONUS
    if fact.status is FactStatus.SUPERSEDED:
        total -= _MOVE_COST if matter.startswith(_MOVES) else _HISTORY_COST
    return total


def changed_something(fact: SettledFact) -> bool:
    """Whether an event left the person's life other than it was, as far as its words tell."""
    return _CHANGES.search(fact.statement) is not None


def _years_before(fact: SettledFact) -> float:
    """How long ago a happening is, in years before a fixed day: what is undated counts as long ago."""
    if fact.stated_at is None:
        return _LONG_AGO
    return max((_FRESH - fact.stated_at.date()).days / 365, 0.0)


def settled_matter(fact: SettledFact) -> str:
    """The matter of a fact, as settling left it or found anew."""
    return fact.matter or matter_of(fact.category, fact.statement)


def reduce_facts(facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
    """The facts that fit the budget, most telling first. The same set of facts gives the same digest."""
    most = max(budget_tokens // LINE_TOKENS, 1)
    of_a_theme = max(int(most * THEME_SHARE), 1)
    ranked: list[tuple[float, int, int, str, Theme]] = []
    for index, fact in enumerate(facts):
        matter = settled_matter(fact)
        theme = theme_of(fact, matter)
        ranked.append((-weight(fact, matter, theme), fact.id.int, index, matter, theme))
    ranked.sort()
    matters: Counter[tuple[Theme, str, FactStatus]] = Counter()
    themes: Counter[Theme] = Counter()
    kept: list[SettledFact] = []
    for _, _, index, matter, theme in ranked:
        if len(kept) == most:
            break
        fact = facts[index]
        kind = theme, matter, fact.status
        limit = HISTORY_OF_A_MATTER if fact.status is FactStatus.SUPERSEDED else CURRENT_OF_A_MATTER
        if matters[kind] == limit or themes[theme] == of_a_theme:
            continue
        matters[kind] += 1
        themes[theme] += 1
        kept.append(fact)
    return Digest(facts=tuple(kept), left_out=len(facts) - len(kept))
