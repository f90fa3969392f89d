"""Which slot a statement speaks of, and what it claims there."""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.english.canonical import canonical
from shared.english.names import COUNTRIES, HOMES, NO_PLACE, TOOL_KIND_OF
from shared.english.slots import ANY, TOUGH, ClaimRule, Tail
from shared.english.slots_of_course import COURSES
from shared.english.slots_of_habit import HABITS
from shared.english.slots_of_life import LIFE
from shared.english.slots_of_moves import MOVES
from shared.english.wording import stem, tokens
from shared.english.words import words_of

NEVER = 9
"""Resistance of a claim that nothing takes away."""


class Claim(NamedTuple):
    """What one statement says of its matter."""

    matter: str
    value: str
    """Lower case; equal values of one matter are the same claim."""
    kind: str
    """Which way of saying it: two bare claims of one kind and value are the same fact."""
    negated: bool = False
    strength: int = 1
    resistance: int = 1
    left: str = ""
    """The value the person says they left for this one."""
    bare: bool = False
    """Nothing is said beside the value, so the value is the whole statement."""
    stage: int = 0
    """How far the matter has come; 0 where it knows no stages, and where the claim leaves none behind."""
    over: int = 1
    """The lowest stage that this one leaves behind."""
    near: bool = False
    """It is clear only from its conversation what it speaks of."""

    @property
    def begins(self) -> bool:
        """It says what begins on a day, and holds from then on: no plan any more once the day has come."""
        return self.stage > 1 and not self.negated


RULES = (*LIFE, *HABITS, *MOVES, *COURSES)
"""In order of precedence: the first rule that reads a statement decides its matter."""
_COMPILED = tuple((rule, rule.compiled()) for rule in RULES)
_BY_TRIGGER: dict[str, tuple[int, ...]] = {}
for _index, _rule in enumerate(RULES):
    for _word in _rule.triggers.split():
        _BY_TRIGGER[_word] = (*_BY_TRIGGER.get(_word, ()), _index)

_TIME_WORDS = words_of(
    """in since last this year month week summer winter spring autumn fall january february march
    april may june july august september october november december ago again now today yesterday
    years months weeks days a an one two three few for the past early late mid end of beginning
    from on at recently instead"""
)
_PARTIAL = words_of(
    """during weekdays weekends summers winters part half temporarily semester sometimes often
    usually partly mostly occasionally seasonally months"""
)
_COMPOUND = re.compile(
    r";|,? (?:but|though|although|while|because)\b|,? and (?:i|my|we|also|work|works|love|have|has|am)\b",
    re.IGNORECASE,
)
"""Where a statement goes on to say something else."""
_BESIDE = re.compile(
    r"\b(?:second|another|side|part[- ]time|weekends?|evenings?|also|too|as well|alongside|besides?"
    r"|volunteer\w*|moonlight\w*|(?:mon|tues|wednes|thurs|fri|satur|sun)days|nights|intern(?:ship)?"
    r"|temporarily)\b",
    re.IGNORECASE,
)
"""What makes a value one beside others: `a second job`, `another flat`."""
_MAY_BE_TWO = ("slot:employer", "slot:role", "slot:residence", "slot:country", "slot:car", "chain:own")
_SOME_TIME = re.compile(
    r"\b(?:once|twice|times|before|as an? (?:kid|child|boy|girl|teenager|student)|when|years|growing up"
    r"|used to"
    r"|every|always|often|usually)\b",
    re.IGNORECASE,
)
"""It happened some time or other, which need not be after what was said before."""
_CLAUSE_END = re.compile(r"[,;.!?]")
_NO_LIKING = words_of("my it that this you them him her me us everything nothing one to when how being going")
_LIKINGS = frozenset({"like", "dislike", "quit", "again"})
_WORDED = _LIKINGS | {"stage"}
"""Kinds that are said in ways too different to be the same for their value."""
_ARTICLE = re.compile(r"^(?:an?|the|my) ", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_MAX_VALUE = 80


def claim_of(statement: str) -> Claim | None:
    """The claim that `statement` makes in a slot or a many-valued matter; None if no rule reads it."""
    rules: set[int] | None = None
    for word in tokens(statement):
        lower = word.casefold()
        if "'" in lower or "’" in lower:
            lower = lower.replace("’", "'")
            found = (
                _BY_TRIGGER.get("not", ())
                if lower.endswith("n't")
                else _BY_TRIGGER.get(lower.split("'")[0], ())
            )
            if lower.endswith("'m"):
                found = (*found, *_BY_TRIGGER["am"])
        else:
            found = _BY_TRIGGER.get("favourite" if lower == "favorite" else lower, ())
        if found:
            rules = rules or set()
            rules.update(found)
    if rules is None:
        return None
    text, plural = canonical(statement)
    for index in sorted(rules):
        rule, pattern = _COMPILED[index]
        match = pattern.match(text)
        if match is not None:
            claim = _claim(rule, match, text, plural, statement)
            if claim is not None:
                return claim
    return None


def _claim(rule: ClaimRule, match: re.Match[str], text: str, plural: bool, statement: str) -> Claim | None:
    groups = match.groupdict()
    value = rule.value or _value(groups.get("v") or groups.get("w") or "") or (ANY if rule.stage else "")
    rest = text[match.end() :]
    if not value or (rule.accepts is not None and not rule.accepts(value)):
        return None
    matter = rule.matter
    if "{k}" in matter:
        key = _key(rule, groups["k"])
        if key is None:
            return None
        matter = matter.replace("{k}", key)
    if rule.kind == "move" and not _moves(groups["v"], value, plural):
        return None
    if rule.kind == "now" and "now" not in tokens(statement.casefold()):
        return None
    if value in HOMES:
        value = f"{HOMES[value]} {_value(groups.get('at') or '')}".strip() or ANY
    more = _COMPOUND.search(match.group())
    said = match.group()[more.start() :] if more else rest
    strength, resistance = _standing(rule, said)
    left = _value(groups["left"]) if groups.get("left") else ""
    if (plural and value not in COUNTRIES and not rule.together) or (
        rule.kind == "now" and not (plural or left)
    ):
        strength = 0
    stage = rule.stage
    if matter.startswith(_MAY_BE_TWO) and (not rule.negates or value == ANY) and _BESIDE.search(statement):
        strength, stage = 0, 0
    elif _SOME_TIME.search(_CLAUSE_END.split(rest, maxsplit=1)[0]):
        strength, stage = 0 if value == ANY else strength, 0
    bare = not (rest or more or left or groups.get("job") or value == ANY or rule.kind in _WORDED)
    return Claim(
        matter, value, rule.kind, rule.negates, strength, resistance, left, bare, stage, rule.over, rule.near
    )


def _value(text: str) -> str:
    cut = _COMPOUND.split(text, maxsplit=1)[0]
    return _SPACES.sub(" ", _ARTICLE.sub("", cut.strip(" .,;:!?\"'“”*_").casefold()))[:_MAX_VALUE]


def _key(rule: ClaimRule, text: str) -> str | None:
    words = text.casefold().replace("-", " ").split()
    if rule.kind in _LIKINGS and (
        any(word in _NO_LIKING for word in words) or " ".join(words) in TOOL_KIND_OF
    ):
        return None
    return " ".join(stem(word) for word in words)[:_MAX_VALUE]


def _moves(place: str, value: str, plural: bool) -> bool:
    """False for `moved to` where it may be a change of tools or teams."""
    return value.split()[0] not in NO_PLACE and (not plural or place[:1].isupper())


def _standing(rule: ClaimRule, rest: str) -> tuple[int, int]:
    """Strength and resistance of a claim, given the words after its value."""
    words = rest.casefold().replace(",", " ").split()
    if not words or all(word in _TIME_WORDS or word.isdigit() for word in words):
        return rule.strength, rule.resistance
    if _PARTIAL.intersection(words):
        return 0, NEVER
    if _COMPOUND.match(rest):
        return rule.strength, NEVER
    if rule.tail is Tail.STRICT and rule.strength < TOUGH:
        return 0, NEVER
    return rule.strength, rule.resistance
