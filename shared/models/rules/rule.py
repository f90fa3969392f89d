"""What a rule is, and the table of all rules.

TO ADD A FACT RULE: add one `rule(...)` to the table of the module that fits its matter (rules_person.py,
rules_family.py, rules_health.py, rules_home.py, rules_work.py, rules_tastes.py, rules_things.py,
rules_beliefs.py, rules_dates.py, rules_decisions.py, rules_instructions.py) and a few lines for and against
it to tests/data/labelled_sentences.jsonl; then run `python -m bench.accuracy --misses`.

A rule is tried on a clause whose plain text (`plain.py`: lower case, contractions spelled out, "we" read as
"i", adverbs such as "currently" left out) begins with one of its triggers. Its shape must match there from
the beginning. Then each guard of `guards.EVERY_FACT` and of the rule may refuse. Rules of one trigger are
tried in table order; the first that matches and is not refused names the fact.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.models.rules.guards import Guard
from shared.models.rules.when import Time

Category = Literal["preferences", "projects", "dates", "beliefs", "decisions"]
"""`shared.domain.facts.Category`, by value."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which people state a fact about themselves."""

    name: str
    category: Category
    triggers: tuple[str, ...]
    """The first word or two words of the plain clause; `*` for any, tried last."""
    shape: re.Pattern[str]
    """Matched against the plain clause from its beginning."""
    guards: tuple[Guard, ...]
    confidence: float
    time: Time
    """How dates in the words are read (`when.days_of`)."""


def rule(
    name: str,
    category: Category,
    triggers: str,
    shape: str,
    *guards: Guard,
    confidence: float = 0.9,
    time: Time = "span",
) -> Rule:
    """A rule; `triggers` are separated by ` | `."""
    return Rule(name, category, tuple(triggers.split(" | ")), re.compile(shape), guards, confidence, time)


class RuleIndex:
    """The rules by trigger."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._any = tuple(entry for entry in rules if "*" in entry.triggers)
        self._by_word: dict[str, tuple[Rule, ...]] = {}
        self._by_words: dict[str, tuple[Rule, ...]] = {}
        triggers = {trigger for entry in rules for trigger in entry.triggers if trigger != "*"}
        for trigger in triggers:
            own = tuple(entry for entry in rules if trigger in entry.triggers)
            first, _, second = trigger.partition(" ")
            alone = tuple(entry for entry in rules if first in entry.triggers) if second else ()
            (self._by_words if second else self._by_word)[trigger] = (*own, *alone, *self._any)
        self.first_words = frozenset(trigger.partition(" ")[0] for trigger in triggers)
        """What a plain clause begins with, if any rule but those for any beginning may fit."""

    def for_clause(self, plain: str) -> tuple[Rule, ...]:
        """The rules whose trigger begins `plain`: those of two words first, then of one, then of any."""
        first, _, rest = plain.partition(" ")
        second = rest.partition(" ")[0].rstrip(",.;:!")
        found = self._by_words.get(f"{first} {second}")
        return found if found is not None else self._by_word.get(first.rstrip(",.;:!"), self._any)
