"""What a sample shows of how somebody writes and asks, as lines with their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.domain.sections import Line
from shared.models.writer.voice import Voice

FEWEST = 3
"""Conversations from which a manner of writing is told."""
ROLES = 5
"""Most roles told."""
LANGUAGES = 10
"""Most languages of code told."""
_SHORT_WORDS, _LONG_WORDS = 15, 60
_CODE_NAMES = frozenset({"text", "txt", "plaintext", "output", "console", "markdown", "md", "diff", "log"})


@dataclass(frozen=True, slots=True)
class Habits:
    """Lines by what they are about."""

    writing: list[Line] = field(default_factory=list)
    formality: list[Line] = field(default_factory=list)
    feeling: list[Line] = field(default_factory=list)
    asks: list[Line] = field(default_factory=list)
    """What they ask an assistant for."""
    roles: list[Line] = field(default_factory=list)
    """What they asked it to be, bare, the commonest first."""
    roles_told: list[Line] = field(default_factory=list)
    """The same with their figures."""
    work: list[Line] = field(default_factory=list)
    code: list[Line] = field(default_factory=list)


def habits_of(voice: Voice) -> Habits:
    """What is a habit, and not chance."""
    roles = [(role, count) for role, count in _commonest(voice.roles) if count >= 2][:ROLES]
    shown = [
        (name, count) for name, count in _commonest(voice.code) if name not in _CODE_NAMES and count >= 2
    ]
    enough = voice.conversations >= FEWEST
    return Habits(
        writing=_writing(voice) if enough else [],
        formality=_formality(voice) if enough else [],
        feeling=_told(voice, ((voice.emoji, "Uses emoji"), (voice.exclaim, "Uses exclamation marks")))
        if enough
        else [],
        asks=_told(voice, ((count, f"Asked to {name}") for name, count in _commonest(voice.asks))),
        roles=[Line(role) for role, _ in roles],
        roles_told=[Line(f'Asked to be "{role}" {_of(voice, count)}.') for role, count in roles],
        work=_told(voice, ((voice.lists, "Structures requests as lists"),)),
        code=[Line(f"Shows {name} code {_of(voice, count)}.") for name, count in shown],
    )


def _writing(voice: Voice) -> list[Line]:
    words = voice.median_words
    length = (
        "Short messages" if words <= _SHORT_WORDS else "Long messages" if words >= _LONG_WORDS else "Messages"
    )
    lines = [Line(f"{length}: half of {voice.messages} have at most {words} words.")]
    if voice.messages >= 10 and voice.unpunctuated / voice.messages >= 0.5:
        lines.append(Line(f"{voice.unpunctuated} of {voice.messages} messages end without punctuation."))
    return lines + _told(voice, ((voice.foreign, "Writes in another language than English"),))


def _formality(voice: Voice) -> list[Line]:
    lines = _told(
        voice,
        (
            (voice.greet, "Greets"),
            (voice.please, "Says please"),
            (voice.thanks, "Says thanks"),
            (voice.slang, 'Writes informally ("yeah", "gonna", "btw")'),
        ),
    )
    if voice.cased >= 10 and voice.lower / voice.cased >= 0.5:
        lines.append(
            Line(f"Casual spelling: {voice.lower} of {voice.cased} messages begin with a small letter.")
        )
    return lines


def _told(voice: Voice, habits: Iterable[tuple[int, str]]) -> list[Line]:
    return [Line(f"{habit} {_of(voice, count)}.") for count, habit in habits if voice.habit(count)]


def _of(voice: Voice, count: int) -> str:
    return f"in {count} of the {voice.conversations} richest conversations"


def _commonest(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
