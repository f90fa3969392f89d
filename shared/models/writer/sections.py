"""The five offline sections: each line rests on a fact (with its reference) or on a figure of the sample.

A fact stands in one field, the one that fits best. A name is told bare, since its field says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.domain.bounds import clipped
from shared.domain.events import Sections
from shared.domain.facts import FactStatus, SettledFact
from shared.domain.markdown import SHOWN, short_id, visible
from shared.domain.sample import SampleConversation
from shared.domain.sections import Agents, Identity, Line, Soul, Tools, User
from shared.english.binding.lines import is_wish
from shared.english.claims import claim_of
from shared.english.themes import Theme, theme_of
from shared.models.base import Digest
from shared.models.writer.habits import Habits, habits_of
from shared.models.writer.memory import notes_on
from shared.models.writer.reduce import settled_matter, weight
from shared.models.writer.voice import measure

VALUES = 12
"""Most beliefs that SOUL quotes: those that speak of what matters first."""
_TELLING = 4
"""Words of a belief that say something by themselves."""
LINES = 40
"""Most facts of one theme in a section, the most telling first."""
_VALUE = re.compile(
    r"\b(?:believe|values?|matters?|important|care about|principles?|deserves?|faith|honesty|respect)\b",
    re.IGNORECASE,
)
_HOMES = ("slot:residence", "slot:country")
_PLACE = re.compile(r"\b(?:house|flat|apartment|garden)\b", re.IGNORECASE)
_COMPANY = re.compile(
    r"\b(?:wife|husband|partner|girlfriend|boyfriend|fianc[ée]e?|spouse|sons?|daughters?|child(?:ren)?|kids?|baby"
    r"|mother|father|mom|mum|dad|parents?|brothers?|sisters?|siblings?|twins?|family|friends?|roommate|flatmate"
    r"|dogs?|cats?|puppy|kitten|pets?)\b",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^(?:you are|act as|be my)\b(?: (?:an?|my|the) (?P<role>[^\W\d_][\w' ’-]{1,60})[.!]?$)?", re.IGNORECASE
)
_NAMING = re.compile(
    r"^(?:your name is|i(?:'ll| will)? call you) (?P<name>[^\W\d_][\w'’-]*(?: [^\W\d_][\w'’-]*){0,2})[.!]?$",
    re.IGNORECASE,
)
_MANNER = re.compile(
    r"^(?:please )?(?:always )?(?:be|stay|sound|act|talk|speak) (?:more |less |very |always |a bit |a little "
    r"|as )*(?:blunt|direct|frank|honest|critical|kind|gentle|warm|friendly|patient|playful|funny|witty"
    r"|sarcastic|dry|serious|formal|informal|casual|encouraging|strict|calm|cheerful|supportive)\b",
    re.IGNORECASE,
)
_HOW = ("slot:answer-language", "slot:answer-style", "slot:answer-length")
_NOT = re.compile(r"^(?:never|don['’]t|do not|avoid|stop|skip|no)\b", re.IGNORECASE)
_REMEMBER = re.compile(r"\b(?:remember|forget|memory|memories|memori[sz]e)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Known:
    """A fact with what decides where it stands."""

    fact: SettledFact
    matter: str
    theme: Theme

    @property
    def statement(self) -> str:
        return self.fact.statement

    @property
    def line(self) -> Line:
        """Its statement, dated."""
        return self._told(clipped(visible(self.statement), SHOWN) + f" {notes_on(self.fact)}")

    @property
    def quoted(self) -> Line:
        """The same as speech: for a field that tells of manners, where an "I" could be anybody's."""
        return self._told(f"Says “{clipped(visible(self.statement), SHOWN)}” {notes_on(self.fact)}")

    def value(self, text: str) -> Line:
        """A value of it, bare."""
        return self._told(clipped(text, SHOWN))

    def _told(self, text: str) -> Line:
        return Line(text, (short_id(self.fact.id),))


def write_sections(digest: Digest, sample: Sequence[SampleConversation]) -> Sections:
    """The sections that `digest` and `sample` support; the others are empty."""
    facts = _by_theme(digest)
    habits = habits_of(measure(sample), alone=not digest.facts)
    answers = [known for known in facts.get(Theme.ANSWERS, []) if is_wish(known.fact)]
    addressed = [
        known
        for known in answers
        if known.matter not in _HOW and any(form.match(known.statement) for form in (_ROLE, _NAMING, _MANNER))
    ]
    return Sections(
        soul=_soul(facts, habits),
        identity=_identity(addressed, habits),
        user=_user(facts),
        agents=_agents([known for known in answers if known not in addressed]),
        tools=Tools.of(
            {"likely_usage": _lines(facts.get(Theme.TOOLS, [])), "capabilities_emphasis": habits.code}
        ),
    )


def _soul(facts: dict[Theme, list[_Known]], habits: Habits) -> Soul:
    beliefs = [known for known in facts.get(Theme.BELIEFS, []) if len(known.statement.split()) >= _TELLING]
    values = sorted(beliefs, key=lambda known: _VALUE.search(known.statement) is None)[:VALUES]
    return Soul.of(
        {
            "communication_style": habits.writing,
            "personality_traits": [known.quoted for known in values],
            "humor_style": habits.humour,
            "formality_level": habits.formality,
            "emotional_patterns": habits.feeling,
        }
    )


def _identity(addressed: Sequence[_Known], habits: Habits) -> Identity:
    names = [(known, match["name"]) for known in addressed if (match := _NAMING.match(known.statement))]
    roles = [(known, match["role"]) for known in addressed if (match := _ROLE.match(known.statement))]
    manners = [known for known in addressed if _MANNER.match(known.statement)]
    archetypes = [known.value(role) for known, role in roles if role]
    return Identity.of(
        {
            "ai_name": [known.value(name) for known, name in names[:1]],
            "archetype": [*archetypes, *habits.roles][:1],
            "vibe": [
                *_lines(known for known, _ in [*names[1:], *roles]),
                *_lines(manners),
                *habits.roles_told,
                *habits.asks,
            ],
        }
    )


def _user(facts: dict[Theme, list[_Known]]) -> User:
    about, home = facts.get(Theme.ABOUT, []), facts.get(Theme.HOME, [])
    names = [known for known in about if known.matter == "slot:name"]
    lives = [known for known in about if known.matter in _HOMES]
    places = [
        known for known in home if _PLACE.search(known.statement) and not _COMPANY.search(known.statement)
    ]
    others = [known for known in about if known not in names and known not in lives]
    called = [known for known in facts.get(Theme.ANSWERS, []) if known.matter == "slot:called"]
    return User.of(
        {
            "name": [known.value(_named(known)) for known in names[:1]],
            "location": _lines([*lives, *places]),
            "occupation": _lines(facts.get(Theme.WORK, [])),
            "relationships": _lines(known for known in home if known not in places),
            "interests": [
                line for theme in (Theme.PROJECTS, Theme.TASTES) for line in _lines(facts.get(theme, []))
            ],
            "life_context": [
                *_lines([*names[1:], *others]),
                *_lines(facts.get(Theme.HEALTH, [])),
                *_lines(facts.get(Theme.DECISIONS, [])),
                *_lines(facts.get(Theme.PLANS, [])),
            ],
            "preferred_address": [known.value(_named(known)) for known in called[:1]],
        }
    )


def _agents(answers: Sequence[_Known]) -> Agents:
    told: dict[str, list[_Known]] = {}
    for known in answers[:LINES]:
        if _NOT.match(known.statement):
            field = "do_not"
        elif known.matter in _HOW:
            field = "response_style"
        elif _REMEMBER.search(known.statement):
            field = "memory_directives"
        else:
            field = "behavioral_rules"
        told.setdefault(field, []).append(known)
    lines = {field: _lines(some) for field, some in told.items()}
    return Agents.of(lines)


def _by_theme(digest: Digest) -> dict[Theme, list[_Known]]:
    """Current facts by theme, the most telling first."""
    ranked: list[tuple[float, int, _Known]] = []
    for fact in digest.facts:
        if fact.status is FactStatus.CURRENT:
            matter = settled_matter(fact)
            theme = theme_of(fact, matter)
            ranked.append((-weight(fact, matter, theme), fact.id.int, _Known(fact, matter, theme)))
    themes: dict[Theme, list[_Known]] = {}
    for _, _, known in sorted(ranked, key=lambda entry: entry[:2]):
        themes.setdefault(known.theme, []).append(known)
    return themes


def _lines(facts: Iterable[_Known]) -> list[Line]:
    return [known.line for known in facts][:LINES]


def _named(known: _Known) -> str:
    """The name that is told in a slot, as the person writes it; else the statement."""
    claim = claim_of(known.statement)
    if claim is None:
        return known.statement
    found = re.search(re.escape(claim.value), known.statement, re.IGNORECASE)
    return found.group() if found else known.statement
