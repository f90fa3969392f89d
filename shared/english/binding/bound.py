"""Whether a statement says what its ground says, and no more: the rules, and the reasons they give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from shared.english.binding.orders import gives_order, reads_as_order
from shared.english.binding.own import find_words
from shared.english.binding.reading import Reading, read
from shared.english.binding.vocabulary import (
    ABROAD,
    FORCE,
    FRAME,
    MONTHS,
    NEGATIONS,
    NUMBERS,
    PLAIN_NEGATIONS,
    RELATIVE,
    WEEKDAYS,
)

LINK = "unbound_link"
"""A link, a mail address or a handle that the ground does not hold."""
NUMBER = "unbound_number"
"""A number that the ground does not hold: of a house, an account, an amount, a year."""
WORDS = "unbound_words"
"""A word that the ground does not hold and that no honest statement would add."""
ORDER = "unbound_order"
"""An order where the ground gives none."""
NEGATION = "unbound_negation"
"""The statement denies what the ground says, or says what it denies."""

SHORT_WORD = 3
"""Letters of a word that may be grammar in a language whose grammar is not known here."""
REACH = 3
"""Words after a negation that it turns."""
FAR = 10
"""The same of those that turn a whole sentence."""
_UNSPACED_NOT = "不没沒无無非别別勿未"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a statement rests on."""

    near: str
    """The clause that is quoted, with its sentence."""
    all: str
    """All of the person's own words that are cited, `near` among them."""
    days: tuple[date, ...] = ()
    """Of the messages: "last year" is reckoned from them."""
    told: str = ""
    """What the conversation makes certain, or other facts tell, of whom is spoken: names; no more than
    words."""
    dated: str = ""
    """Days that are known beside the words: of when it was said, of what holds from when."""


def why_unbound(statement: str, ground: Ground) -> str | None:
    """Why the statement says more than its ground; None if it does not."""
    said, near = read(statement), read(ground.near)
    core = said.text.strip(" .!?\"'")
    if not said.signs <= near.signs:
        return WORDS
    everything = near if ground.all == ground.near else read(ground.all)
    if not all(any(_is_link(link, known) for known in everything.links) for link in said.links):
        return LINK
    if find_words(near.text, core) >= 0:
        return _why_turned(statement, said, ground.near, near)
    numbers = near.numbers | _reckoned(ground.days, near) | read(ground.dated).numbers
    if not (said.numbers <= numbers | said.spelt and said.decimals <= near.decimals):
        return NUMBER
    if not _has_words(said, near, everything, numbers, read(ground.told) if ground.told else None):
        return WORDS
    return _why_turned(statement, said, ground.near, near)


def _why_turned(statement: str, said: Reading, clause: str, near: Reading) -> str | None:
    """Why the same words say something else."""
    if reads_as_order(statement):
        order = gives_order(clause, statement)
        if order is None or not all(
            word in FRAME or word in NUMBERS or read(order).holds(word, foreign=said.foreign)
            for word in said.content
        ):
            return ORDER
    return None if _agrees(said, near) else NEGATION


def _is_link(link: str, known: str) -> bool:
    """Whether a link is the known one, or leads to a page above it."""
    return link == known or known.startswith(f"{link}/")


def _reckoned(days: tuple[date, ...], ground: Reading) -> set[int]:
    """Years, months and days that words such as "last year", "next Tuesday" or "in March" may mean."""
    counted = {number for number in ground.numbers if number < 100}
    found = {day.year - back for day in days for back in (-1, 0, 1, *counted)}
    near = not (RELATIVE | WEEKDAYS).isdisjoint(ground.words)
    if near:
        steps = {-1, 0, 1, *(-n for n in counted if n < 24), *(n for n in counted if n < 24)}
        found |= {(day.month + step - 1) % 12 + 1 for day in days for step in steps}
        found |= {(day + timedelta(days=step)).day for day in days for step in range(-14, 15)}
    return found


def _has_words(
    said: Reading, near: Reading, ground: Reading, numbers: set[int], told: Reading | None
) -> bool:
    foreign = said.foreign
    held = added = close = 0
    for word in said.content:
        if foreign and word in ABROAD:
            continue
        place = near if word in FORCE else ground
        if place.holds(word, foreign=foreign):
            held += 1
            close += place is near or near.holds(word, foreign=foreign)
        elif word in FORCE:
            return False
        elif word in NUMBERS or word in MONTHS:
            if {NUMBERS.get(word), MONTHS.get(word)}.isdisjoint(numbers):
                return False
            held += 1
            close += 1
        elif told is not None and told.holds(word):
            continue
        elif _may_be_added(word, said, foreign=foreign):
            added += 1
        else:
            return False
    for run in said.unspaced:
        if not ground.holds_unspaced(run) or _is_turned(run, near):
            return False
        held += 1
        close += near.holds_unspaced(run)
    held += len(said.numbers)
    close += len(said.numbers & near.numbers)
    if foreign:
        return added * 3 <= held and bool(close)
    return bool(held) and bool(close) and added <= held + 1


def _may_be_added(word: str, said: Reading, *, foreign: bool) -> bool:
    if foreign:
        return word not in said.capital and word.isalpha() and len(word) <= SHORT_WORD
    return word in FRAME and word not in said.capital


def _agrees(said: Reading, near: Reading) -> bool:
    """Whether both deny the same: a negation of the statement has one in the clause, and what the clause
    denies the statement does not affirm."""
    denied = sum(word in NEGATIONS for word in said.words)
    if denied:
        return denied <= sum(word in NEGATIONS for word in near.words)
    return not any(_is_denied(word, near) for word in said.content)


def _is_denied(word: str, near: Reading) -> bool:
    """Whether the clause holds the word nowhere but after a negation."""
    words = near.words
    places = [at for at, each in enumerate(words) if each == word]
    return bool(places) and all(_is_after_negation(words, at) for at in places)


def _is_after_negation(words: list[str], at: int) -> bool:
    before = words[max(0, at - REACH) : at]
    if not PLAIN_NEGATIONS.isdisjoint(before):
        return {"just", "only", "but"}.isdisjoint(before)
    return not {"never", "circumstances"}.isdisjoint(words[max(0, at - FAR) : at])


def _is_turned(run: str, near: Reading) -> bool:
    """Whether a run of a script without spaces stands in the clause after negations alone, and lacks one."""
    if any(sign in run for sign in _UNSPACED_NOT):
        return False
    places = [at for at in range(len(near.compact)) if near.compact.startswith(run[-2:], at)]
    return bool(places) and all(
        any(sign in near.compact[max(0, at - len(run)) : at] for sign in _UNSPACED_NOT) for at in places
    )
