"""How much is said in a generated export, so that its size comes out near the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from tests.exports.conversations import build
from tests.exports.script import Plan

TYPICAL_BYTES = 13_600
"""Mean JSON bytes of a conversation in a large real export, at about 10 visible messages."""
TYPICAL_TURNS = 5.3
LEAN_BELOW = 4_000
"""Below this mean the structure would take too much, so conversations are lean; about 1,100 is the least."""
PERSON_SHARE = 0.2
"""The person's part of all visible text."""
SAMPLE = 1000
"""How many of the conversations are built to find the size of the rest."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """What makes an ordinary conversation as large as asked for."""

    turns: float
    characters: float
    person_share: float
    lean: bool


def size(
    conversations: int,
    average_bytes: int,
    long_person: int,
    long_answers: int,
    plan: Callable[[int, Sizing], Plan],
) -> Sizing:
    """The sizing for `conversations` of `average_bytes` each, of which `long_person` and `long_answers`
    characters in all go to very long messages. `plan(slot, sizing)` tells what stands at a slot."""
    lean = average_bytes < LEAN_BELOW
    long = long_person + long_answers
    target = max(average_bytes / 2, average_bytes - long / conversations)
    turns = max(1.0, TYPICAL_TURNS * target / TYPICAL_BYTES)
    slots = range(0, conversations, max(1, conversations // SAMPLE))

    def sizing(characters: float) -> Sizing:
        ordinary = conversations * turns * characters
        share = (PERSON_SHARE * (ordinary + long) - long_person) / ordinary
        return Sizing(turns, characters, min(PERSON_SHARE, max(0.08, share)), lean)

    low, high = 100.0, average_bytes / turns
    at_low = _mean_bytes([plan(slot, sizing(low)) for slot in slots])
    at_high = _mean_bytes([plan(slot, sizing(high)) for slot in slots])
    slope = (at_high - at_low) / (high - low)
    return sizing(max(80.0, low + (target - at_low) / slope))


def _mean_bytes(plans: Sequence[Plan]) -> float:
    ordinary = (replace(plan, long_person=0, long_answer=0) for plan in plans)
    return sum(len(orjson.dumps(build(plan).payload)) for plan in ordinary) / len(plans)
