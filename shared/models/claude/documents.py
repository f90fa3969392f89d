"""Documents from a model's replies: every line is bound to what it names, or told in the words of its facts.

The model chooses, orders, joins and words; what it may not do is say more. A line that says more than its
facts is taken for what it should have said: their statements. Nothing true is lost by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from pydantic import ValidationError

from shared.domain.bounds import clipped
from shared.domain.discreet import adapter_of
from shared.domain.facts import FactStatus, SettledFact
from shared.domain.markdown import SHOWN, plain, reference, short_id, visible
from shared.domain.sections import BARE, Line, Section, is_known
from shared.domain.text import BYTES_PER_TOKEN, text_size
from shared.english.binding.lines import is_bound, is_of_assistant, is_shown, is_value, is_wish, tells_manner
from shared.english.binding.orders import reads_as_order
from shared.english.matters import matter_of
from shared.english.themes import Theme, theme_of
from shared.models.claude.schema import MemoryReply, ReplyLine

S = TypeVar("S", bound=Section)
SECTION_LINES = 25
"""Most lines of one field, and asked for of one section."""
REFERENCES = 4
"""Most facts that a line refers to; more help no reader."""
UNBOUND = "line_unbound"
"""A line that says more than its facts; they were told in its place, or nothing was."""
NO_WISH = "line_no_wish"
"""A line on how to work with the person that rests on no wish of theirs."""
NO_FACT = "line_without_fact"
"""A line that rests on no fact, and tells more than a manner."""
_THEMES = {theme.value.casefold(): theme for theme in Theme}
_LINES = adapter_of(list[ReplyLine])
_ASKED = frozenset({"agents", "identity"})
"""Sections that tell what the person asks of an assistant: what stands there rests on a wish of theirs."""
_NAMED = re.compile(r"\b(?:name|called|call me|go by|address me)\b", re.IGNORECASE)
_GIVES = {
    "name": _NAMED,
    "preferred_address": _NAMED,
    "ai_name": re.compile(r"\b(?:your name|call you|named|you['’]re|you are)\b", re.IGNORECASE),
    "archetype": re.compile(
        r"\b(?:you['’]re|you are|act(?:ing)? as|be (?:my|an?)|role|as an?)\b", re.IGNORECASE
    ),
    "signature_greeting": re.compile(r"\b(?:greet\w*|hello|good morning|start|begin|sign)\b", re.IGNORECASE),
}
"""By field: how the fact must speak that gives its value, bare."""
_FORBIDS = re.compile(r"\W*(?:please )?(?:never|don['’]t|do not|avoid|stop|skip|no)\b", re.IGNORECASE)
"""What says how not to answer stands in AGENTS: it tells nothing of what the assistant is."""
_ONLY_ASKED = frozenset({"ai_name", "archetype", "signature_greeting"})
"""Fields that nothing but a wish fills."""


class FailedWritingError(Exception):
    """The model could not write this; the reason is for people."""


@dataclass(slots=True)
class Bound:
    """Lines bound to facts, and how many were not, by reason."""

    facts: Sequence[SettledFact]
    excerpts: Sequence[tuple[str, bool]] = ()
    """The person's own words that are numbered after the facts; whether they are custom instructions."""
    refused: Counter[str] = field(default_factory=Counter)
    _names: str | None = None

    @property
    def names(self) -> str:
        """Statements of the person's name: a line may call them by it."""
        if self._names is None:
            self._names = "\n".join(
                fact.statement for fact in self.facts if _matter(fact) in ("slot:name", "slot:called")
            )
        return self._names

    def named(self, ids: Iterable[int]) -> tuple[list[SettledFact], list[tuple[str, bool]]]:
        """The facts and excerpts with these numbers; numbers made up are left out."""
        known, among = list(dict.fromkeys(ids)), len(self.facts)
        facts = [self.facts[n - 1] for n in known if 0 < n <= among]
        return facts, [self.excerpts[n - among - 1] for n in known if among < n <= among + len(self.excerpts)]

    def memory(self, reply: MemoryReply, budget_tokens: int) -> str:
        """The body of MEMORY: lines under headings of the closed list, as many as fit."""
        told: dict[Theme, dict[str, None]] = {}
        kept: set[UUID] = set()
        lines: set[str] = set()
        spare: list[SettledFact] = []
        for group in reply.groups:
            for line in group.lines:
                facts, _ = self.named(line.ids)
                if is_bound(line.text, facts, self.names):
                    kept.update(fact.id for fact in facts)
                    shown = " ".join(["-", plain(line.text), *_references(facts)])
                    if shown not in lines:
                        lines.add(shown)
                        told.setdefault(_theme(group.heading, line.text, facts[0]), {}).setdefault(shown)
                elif facts:
                    self.refused[UNBOUND] += 1
                    spare += facts
        for fact in spare:
            if fact.id not in kept:
                kept.add(fact.id)
                earlier = "earlier: " if fact.status is FactStatus.SUPERSEDED else ""
                shown = f"- {earlier}{plain(fact.statement)} {reference(fact.id)}"
                told.setdefault(_theme("", fact.statement, fact), {}).setdefault(shown)
        return _document(told, budget_tokens)

    def section(self, kind: type[S], raw: object) -> S | None:
        """One section of the reply: its fields' lines; None if what it says was refused altogether. A field
        that the reply lacks is not known. Raises FailedWritingError where it is not of its schema, or names
        nothing that there is."""
        if not isinstance(raw, Mapping):
            raise FailedWritingError("the reply is not of its schema")
        told: dict[str, list[Line]] = {}
        kept: set[str] = set()
        asked = named = 0
        for name in kind.fields():
            try:
                lines = _LINES.validate_python(raw.get(name, []))[:SECTION_LINES]
            except ValidationError:
                raise FailedWritingError("the reply is not of its schema") from None
            lines = [line for line in lines if is_known(line.text)]
            asked += len(lines)
            named += sum(any(self.named(line.ids)) for line in lines)
            told[name] = list(self._told(kind.title(), name, lines, kept))
        if asked and not named:
            raise FailedWritingError("no line rests on anything that there is")
        return kind.of(told) if not asked or any(told.values()) else None

    def _told(self, section: str, name: str, lines: Sequence[ReplyLine], kept: set[str]) -> Iterator[Line]:
        """The lines of a field that stay; `kept` is what the section tells already."""
        spare: list[SettledFact] = []
        for line in lines:
            facts, excerpts = self.named(line.ids)
            if facts:
                bound, left = self._of_facts(section, name, line.text, facts)
                spare += left
            else:
                bound = self._of_excerpts(section, name, line.text, excerpts) if excerpts else None
            if bound is not None and bound.text not in kept:
                kept.update((bound.text, *bound.facts))
                yield bound
        for fact in spare:
            if short_id(fact.id) not in kept:
                kept.add(short_id(fact.id))
                yield Line(clipped(visible(fact.statement), SHOWN), (short_id(fact.id),))

    def _of_facts(
        self, section: str, name: str, text: str, facts: list[SettledFact]
    ) -> tuple[Line | None, list[SettledFact]]:
        """The line, if it stays, else the facts that may be told in its place."""
        asked = section in _ASKED
        if asked:
            facts = [fact for fact in facts if is_wish(fact)]
            if section == "identity":
                facts = [f for f in facts if is_of_assistant(f) and _FORBIDS.match(f.statement) is None]
            if not facts:
                self.refused[NO_WISH] += 1
                return None, []
        if name in BARE and not any(is_value(text, fact) and _has_value(name, fact) for fact in facts):
            self.refused[UNBOUND] += 1
            return None, []
        if is_bound(text, facts, self.names) and (asked or not reads_as_order(text)):
            return Line(text, tuple(short_id(fact.id) for fact in facts[:REFERENCES])), []
        self.refused[UNBOUND] += 1
        if name in BARE or section == "identity":
            return None, []
        return None, [fact for fact in facts if asked or not reads_as_order(fact.statement)]

    def _of_excerpts(
        self, section: str, name: str, text: str, excerpts: Sequence[tuple[str, bool]]
    ) -> Line | None:
        """The line, if the excerpts carry it: custom instructions carry what facts do, other words a manner,
        and where there are no facts yet what they say."""
        standing = [words for words, instructions in excerpts if instructions]
        if section in _ASKED and standing and any(is_shown(text, [words]) for words in standing):
            return Line(text)
        manner = tells_manner(text) and section != "agents" and name not in _ONLY_ASKED
        said = [words for words, _ in excerpts]
        if manner or (not self.facts and section not in _ASKED and is_shown(text, said)):
            return Line(text)
        self.refused[NO_FACT] += 1
        return None


def _references(facts: Sequence[SettledFact]) -> Iterator[str]:
    return (reference(fact.id) for fact in facts)


def _has_value(name: str, fact: SettledFact) -> bool:
    """Whether the fact is one that gives what the field holds: a name, a role, a greeting."""
    gives = _GIVES.get(name)
    if gives is None or gives.search(fact.statement) is not None:
        return True
    return gives is _NAMED and _matter(fact) in ("slot:name", "slot:called")


def _matter(fact: SettledFact) -> str:
    return fact.matter or matter_of(fact.category, fact.statement)


def _theme(heading: str, text: str, fact: SettledFact) -> Theme:
    """The heading of the closed list that is meant. What asks something of an assistant has its own."""
    if reads_as_order(text):
        return Theme.ANSWERS
    return _THEMES.get(visible(heading).casefold()) or theme_of(fact, _matter(fact))


def _document(told: Mapping[Theme, Iterable[str]], budget_tokens: int) -> str:
    room = budget_tokens * BYTES_PER_TOKEN
    blocks = []
    for theme, lines in told.items():
        heading = f"## {theme}"
        room -= text_size(heading) + 3
        fitting = []
        for line in lines:
            room -= text_size(line) + 1
            if room < 0:
                break
            fitting.append(line)
        if fitting:
            blocks.append("\n".join([heading, "", *fitting]))
        if room < 0:
            break
    return "\n\n".join(blocks)
