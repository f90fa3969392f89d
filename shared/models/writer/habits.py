"""What a sample shows of how somebody writes and asks: lines that say something, with their figures behind
them. What is neither this nor that is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.plurals import listed
from shared.domain.sections import Line
from shared.models.writer.voice import Voice

FEWEST = 3
"""Conversations from which a manner of writing is told."""
ROLES = 5
"""Most roles told."""
ASKS = 3
"""Most things told that they turn to an assistant for."""
LANGUAGES = 10
"""Most languages of code told."""
MANNER = 0.25
"""Share of conversations from which something is somebody's manner: what one does now and then is not."""
_SHORT_WORDS, _LONG_WORDS = 15, 60
_CODE_NAMES = frozenset({"text", "txt", "plaintext", "output", "console", "markdown", "md", "diff", "log"})


@dataclass(frozen=True, slots=True)
class Habits:
    """Lines by what they are about."""

    writing: list[Line] = field(default_factory=list)
    formality: list[Line] = field(default_factory=list)
    humour: list[Line] = field(default_factory=list)
    feeling: list[Line] = field(default_factory=list)
    asks: list[Line] = field(default_factory=list)
    """What they turn to an assistant for."""
    roles: list[Line] = field(default_factory=list)
    """What they asked it to be, bare, the commonest first."""
    roles_told: list[Line] = field(default_factory=list)
    """The same with their figures."""
    code: list[Line] = field(default_factory=list)


def habits_of(voice: Voice, *, alone: bool = False) -> Habits:
    """What is a habit, and not chance. `alone`: no fact is known yet, so what is less surely a manner is
    told, too: first sections have nothing else."""
    share = 0.0 if alone else MANNER
    roles = [(role, count) for role, count in _commonest(voice.roles) if count >= 2][:ROLES]
    shown = [
        (name, count) for name, count in _commonest(voice.code) if name not in _CODE_NAMES and count >= 2
    ]
    asks = [(name, count) for name, count in _commonest(voice.asks) if voice.habit(count)][:ASKS]
    enough = voice.conversations >= FEWEST
    laughs = enough and voice.habit(voice.laugh)
    emoji = enough and voice.habit(voice.emoji)
    return Habits(
        writing=_writing(voice, share) if enough else [],
        formality=_formality(voice, share) if enough else [],
        humour=[Line(f"Laughs in writing {_of(voice, [voice.laugh])}.")] if laughs else [],
        feeling=[Line(f"Uses emoji {_of(voice, [voice.emoji])}.")] if emoji else [],
        asks=_together("Turns to it most to", voice, asks),
        roles=[Line(role) for role, _ in roles],
        roles_told=[Line(f'Asked to be "{role}" {_of(voice, [count])}.') for role, count in roles],
        code=[Line(f"Shows {name} code {_of(voice, [count])}.") for name, count in shown],
    )


def _writing(voice: Voice, share: float) -> list[Line]:
    lines = []
    words, half = voice.median_words, f"half of {voice.messages} have"
    if words <= _SHORT_WORDS:
        lines.append(Line(f"Writes short messages: {half} at most {words} words."))
    elif words >= _LONG_WORDS:
        lines.append(Line(f"Writes long messages: {half} {words} words or more."))
    elif not share:
        lines.append(Line(f"Writes messages of middling length: {half} at most {words} words."))
    if voice.habit(voice.foreign):
        named = listed(voice.languages) if voice.languages else "another language"
        lines.append(Line(f"Does not always write English: {named} {_of(voice, [voice.foreign])}."))
    if _is_manner(voice, voice.lists, share):
        lines.append(Line(f"Sets requests out as lists {_of(voice, [voice.lists])}."))
    return lines


def _formality(voice: Voice, share: float) -> list[Line]:
    polite = [("greets", voice.greet), ("says please", voice.please), ("says thanks", voice.thanks)]
    lines = _together("Courteous:", voice, [each for each in polite if _is_manner(voice, each[1], share)])
    if _is_manner(voice, voice.slang, share):
        lines.append(Line(f'Writes informally ("yeah", "gonna", "btw") {_of(voice, [voice.slang])}.'))
    casual = []
    if voice.cased >= 10 and voice.lower / voice.cased >= 0.5:
        casual.append(f"{voice.lower} of {voice.cased} messages begin with a small letter")
    if voice.messages >= 10 and voice.unpunctuated / voice.messages >= 0.5:
        casual.append(f"{voice.unpunctuated} of {voice.messages} end without punctuation")
    return [*lines, Line(f"Casual spelling: {listed(casual)}.")] if casual else lines


def _together(lead: str, voice: Voice, habits: Sequence[tuple[str, int]]) -> list[Line]:
    """One line of several habits: `Courteous: greets and says thanks (in 4 and 6 of the 10 ...).`"""
    if not habits:
        return []
    names = listed([name for name, _ in habits])
    return [Line(f"{lead} {names} ({_of(voice, [count for _, count in habits])}).")]


def _is_manner(voice: Voice, count: int, share: float) -> bool:
    return voice.habit(count) and count >= share * voice.conversations


def _of(voice: Voice, counts: Sequence[int]) -> str:
    told = listed([str(count) for count in counts])
    return f"in {told} of the {voice.conversations} richest conversations"


def _commonest(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
