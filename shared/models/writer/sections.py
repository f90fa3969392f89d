"""The five offline sections: each line rests on a fact (with its reference) or on a figure of the sample."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shared.domain.events import Sections
from shared.domain.facts import FactStatus, SettledFact
from shared.domain.sample import SampleConversation
from shared.english.themes import Theme, theme_of
from shared.models.base import Digest
from shared.models.markdown import plain
from shared.models.section import section
from shared.models.writer.memory import fact_line
from shared.models.writer.reduce import settled_matter, weight
from shared.models.writer.voice import Voice, measure

LINES = 40
"""Most fact lines of a section, the most telling first."""
USER_THEMES = (Theme.ABOUT, Theme.HOME, Theme.WORK, Theme.PROJECTS, Theme.HEALTH, Theme.TASTES, Theme.PLANS)
_VALUE = re.compile(
    r"\b(?:believe|values?|matters?|important|care about|principles?|deserves?|faith|honesty|respect)\b",
    re.IGNORECASE,
)
_SHORT_WORDS, _LONG_WORDS = 15, 60
_CODE_NAMES = frozenset({"text", "txt", "plaintext", "output", "console", "markdown", "md", "diff", "log"})


def write_sections(digest: Digest, sample: Sequence[SampleConversation]) -> Sections:
    """The sections that `digest` and `sample` support; the others are empty."""
    facts = _by_theme(digest)
    voice = measure(sample)
    values = [fact for fact in facts.get(Theme.BELIEFS, []) if _VALUE.search(fact.statement)]
    answers = facts.get(Theme.ANSWERS, [])
    named = [fact for fact in answers if _names_assistant(fact.statement)]
    return Sections(
        soul=_section("soul", ("Voice", _voice_lines(voice)), ("Values", _fact_lines(values))),
        identity=_section(
            "identity", ("What you are for them", _asks_lines(voice)), ("As they put it", _fact_lines(named))
        ),
        user=_section("user", *((str(theme), _fact_lines(facts.get(theme, []))) for theme in USER_THEMES)),
        agents=_section(
            "agents",
            ("Standing instructions", _fact_lines(fact for fact in answers if fact not in named)),
            ("Habits", _work_lines(voice)),
        ),
        tools=_section(
            "tools",
            ("In use", _fact_lines(facts.get(Theme.TOOLS, []))),
            ("In their code", _code_lines(voice)),
        ),
    )


def _by_theme(digest: Digest) -> dict[Theme, list[SettledFact]]:
    """Current facts by theme, the most telling first."""
    ranked: list[tuple[float, int, Theme, SettledFact]] = []
    for fact in digest.facts:
        if fact.status is FactStatus.CURRENT:
            matter = settled_matter(fact)
            theme = theme_of(fact, matter)
            ranked.append((-weight(fact, matter, theme), fact.id.int, theme, fact))
    themes: dict[Theme, list[SettledFact]] = {}
    for _, _, theme, fact in sorted(ranked, key=lambda entry: entry[:2]):
        themes.setdefault(theme, []).append(fact)
    return themes


def _section(name: str, *parts: tuple[str, list[str]]) -> str:
    """Markdown of the parts that have lines; empty if none has."""
    told = [f"## {heading}\n\n" + "\n".join(lines) for heading, lines in parts if lines]
    return section(name, "\n\n".join(told))


def _fact_lines(facts: Iterable[SettledFact]) -> list[str]:
    return [fact_line(fact) for fact in facts][:LINES]


def _names_assistant(statement: str) -> bool:
    lower = statement.casefold()
    return lower.startswith(("you are ", "your name is ", "act as ", "be my ", "i call you "))


def _of(voice: Voice, count: int) -> str:
    return f"in {count} of the {voice.conversations} richest conversations"


def _voice_lines(voice: Voice) -> list[str]:
    if voice.conversations < 3:
        return []
    words = voice.median_words
    length = (
        "Short messages" if words <= _SHORT_WORDS else "Long messages" if words >= _LONG_WORDS else "Messages"
    )
    lines = [f"- {length}: half of {voice.messages} have at most {words} words."]
    if voice.cased >= 10 and voice.lower / voice.cased >= 0.5:
        lines.append(f"- Casual spelling: {voice.lower} of {voice.cased} messages begin with a small letter.")
    if voice.messages >= 10 and voice.unpunctuated / voice.messages >= 0.5:
        lines.append(f"- {voice.unpunctuated} of {voice.messages} messages end without punctuation.")
    habits = (
        (voice.greet, "Greets"),
        (voice.please, "Says please"),
        (voice.thanks, "Says thanks"),
        (voice.emoji, "Uses emoji"),
        (voice.exclaim, "Uses exclamation marks"),
        (voice.slang, 'Writes informally ("yeah", "gonna", "btw")'),
        (voice.foreign, "Writes in another language than English"),
    )
    lines += [f"- {habit} {_of(voice, count)}." for count, habit in habits if voice.habit(count)]
    return lines


def _asks_lines(voice: Voice) -> list[str]:
    asked = sorted(voice.asks.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"- Asked to {name} {_of(voice, count)}." for name, count in asked if voice.habit(count)]
    roles = sorted(voice.roles.items(), key=lambda item: (-item[1], item[0]))
    return lines + [
        f'- Asked to be "{plain(role)}" {_of(voice, count)}.' for role, count in roles[:5] if count >= 2
    ]


def _work_lines(voice: Voice) -> list[str]:
    if not voice.habit(voice.lists):
        return []
    return [f"- Structures requests as lists {_of(voice, voice.lists)}."]


def _code_lines(voice: Voice) -> list[str]:
    shown = sorted(
        ((name, count) for name, count in voice.code.items() if name not in _CODE_NAMES and count >= 2),
        key=lambda item: (-item[1], item[0]),
    )
    return [f"- Shows {plain(name)} code {_of(voice, count)}." for name, count in shown[:10]]
