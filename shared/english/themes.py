"""The themes under which people are shown facts: in MEMORY, the sections and lists, whatever the model."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.facts import Category, Fact, SourceKind
from shared.english.binding.orders import asks_an_assistant, reads_as_order
from shared.english.gate.gate import kinds_in
from shared.english.words import words_of


class Theme(StrEnum):
    """The kinds of fact, as people read them: headings of MEMORY, in order. docs/models.md defines them."""

    ABOUT = "About"
    HOME = "Home and family"
    WORK = "Work and study"
    PROJECTS = "Projects"
    HEALTH = "Health"
    TASTES = "Tastes"
    TOOLS = "Tools"
    PLANS = "Plans and dates"
    BELIEFS = "Beliefs"
    DECISIONS = "Decisions"
    ANSWERS = "How to answer me"


THEME_CHARS = max(map(len, Theme))
"""Characters of the longest, for lists in columns."""

_SLOT_THEMES = {
    "name": Theme.ABOUT,
    "called": Theme.ANSWERS,
    "age": Theme.ABOUT,
    "residence": Theme.ABOUT,
    "country": Theme.ABOUT,
    "employer": Theme.WORK,
    "role": Theme.WORK,
    "university": Theme.WORK,
    "diet": Theme.HEALTH,
    "favourite": Theme.TASTES,
    "liking": Theme.TASTES,
    "partner-name": Theme.HOME,
    "marital": Theme.HOME,
    "child": Theme.HOME,
    "pet": Theme.HOME,
    "car": Theme.TOOLS,
    "allergy": Theme.HEALTH,
    "answer-language": Theme.ANSWERS,
    "answer-style": Theme.ANSWERS,
    "answer-length": Theme.ANSWERS,
    "language": Theme.TOOLS,
    "editor": Theme.TOOLS,
    "os": Theme.TOOLS,
    "phone": Theme.TOOLS,
    "browser": Theme.TOOLS,
    "notes": Theme.TOOLS,
    "shell": Theme.TOOLS,
}
_KINDS = {
    "about": (Theme.ABOUT, Category.BELIEFS),
    "home": (Theme.HOME, Category.BELIEFS),
    "work": (Theme.WORK, Category.BELIEFS),
    "projects": (Theme.PROJECTS, Category.PROJECTS),
    "health": (Theme.HEALTH, Category.BELIEFS),
    "tastes": (Theme.TASTES, Category.PREFERENCES),
    "tools": (Theme.TOOLS, Category.PREFERENCES),
    "plans": (Theme.PLANS, Category.DATES),
    "beliefs": (Theme.BELIEFS, Category.BELIEFS),
    "decisions": (Theme.DECISIONS, Category.DECISIONS),
}
"""What the gate calls a kind, and the category that a fact of it has. How to answer is told by form."""
_OF_CATEGORY = 12.0
"""How much likelier a kind of the fact's category is: whoever gave that read more than the statement."""
_SURE = 0.2
"""Least likelihood of a kind that is believed: below it the words tell next to nothing."""
_DEFAULTS = {
    Category.PREFERENCES: Theme.TASTES,
    Category.PROJECTS: Theme.PROJECTS,
    Category.DATES: Theme.PLANS,
    Category.BELIEFS: Theme.ABOUT,
    Category.DECISIONS: Theme.DECISIONS,
}
_PERSON = words_of("i i'm im i've my mine we we're our the a an they user he she")


def theme_of(fact: Fact, matter: str) -> Theme:
    """Under which heading a fact is told: the slot it speaks of decides, then whether it asks something of an
    assistant, then the kind that is learned from its words, together with its category; where the words tell
    nothing, its category alone."""
    slot = None
    if matter.startswith(("slot:", "many:")):
        slot = _SLOT_THEMES.get(matter.split(":", 2)[1])
        if slot not in (None, Theme.TASTES):
            return slot
    if _asks(fact):
        return Theme.ANSWERS
    likely = kinds_in(fact.statement)
    answers = likely["answers"] > max(likely["tastes"], likely["tools"])
    if answers and fact.category is Category.PREFERENCES and asks_an_assistant(fact.statement):
        return Theme.ANSWERS
    if slot is not None:
        return slot

    if max(likely.values()) < _SURE:
        return _DEFAULTS[fact.category]

    def weighed(kind: str) -> float:
        return likely[kind] * (_OF_CATEGORY if _KINDS[kind][1] is fact.category else 1.0)

    return _KINDS[max(_KINDS, key=weighed)][0]


def _asks(fact: Fact) -> bool:
    """True for what is asked of an assistant: an order, or in custom instructions a preference that is not
    told of the person."""
    if reads_as_order(fact.statement):
        return True
    if fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS and fact.category is Category.PREFERENCES:
        first = next(iter(fact.statement.casefold().replace("’", "'").split()), "").rstrip(",")
        return first not in _PERSON
    return False
