"""The gate: how likely a clause is a fact of the person, and of what kind. What it weighs is learned from
data/labels by `python -m scripts.train`; a clause costs look-ups and sums, and needs no library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from math import exp, log
from pathlib import Path
from typing import NamedTuple

from shared.english.gate.features import features
from shared.english.plain import fold
from shared.english.sentences import Clause, Sentence

WEIGHTS = Path(__file__).with_name("weights.json")
_TELLS_KIND = ("w=", "k=", "b=", "subject", "verb")
SCALE = 100
"""Weights are kept as whole hundredths."""


class Verdict(NamedTuple):
    """What a clause is, as likelihoods from 0 to 1 that add up to 1 (data/labels/README.md has the classes)."""

    durable: float
    event: float
    passing: float
    dangling: float
    not_own: float

    @property
    def fact(self) -> float:
        """How likely it is worth remembering."""
        return self.durable + self.event


class _Weights(NamedTuple):
    names: list[str]
    bias: list[int]
    of: dict[str, list[int]]


class _Learned(NamedTuple):
    classes: _Weights
    kinds: _Weights
    slope: float
    offset: float


@cache
def _learned() -> _Learned:
    kept = json.loads(WEIGHTS.read_bytes())
    return _Learned(_Weights(**kept["classes"]), _Weights(**kept["kinds"]), *kept["calibration"])


def judged(clause: Clause, previous: str = "") -> Verdict:
    """What the clause is; `previous` is the folded sentence before its own, if there is one."""
    return verdict_of(features(clause, previous))


def verdict_of(found: Sequence[str]) -> Verdict:
    """What a clause of these features is."""
    learned = _learned()
    likely = _softmax(_sums(learned.classes, found))
    fact = likely[0] + likely[1]
    calibrated = 1 / (1 + exp(-(learned.slope * _logit(fact) + learned.offset)))
    of_facts, of_others = calibrated / max(fact, 1e-9), (1 - calibrated) / max(1 - fact, 1e-9)
    return Verdict(likely[0] * of_facts, likely[1] * of_facts, *(each * of_others for each in likely[2:]))


def kind_of(found: Sequence[str]) -> str:
    """The kind of fact that a clause of these features is, if it is one (data/labels/README.md has them)."""
    kinds = _learned().kinds
    sums = _sums(kinds, of_kind(found))
    return kinds.names[max(range(len(sums)), key=sums.__getitem__)]


def of_kind(found: Sequence[str]) -> list[str]:
    """The features that tell of what a clause speaks, and not how."""
    return [name for name in found if name.startswith(_TELLS_KIND)]


def kinds_in(statement: str) -> dict[str, float]:
    """How likely a statement is of each kind, by its words alone; the likelihoods add up to 1."""
    _, kinds, names, _ = _learned()
    low = fold(statement)
    sentence = Sentence(statement, low, 0, len(low.rstrip(" .!?…")), asks=False)
    found = features(Clause(sentence, 0, sentence.end, 0, joint="", last=True))
    return dict(zip(names, _softmax(_sums(kinds, found)), strict=True))


def _sums(weights: _Weights, found: Iterable[str]) -> list[int]:
    known = filter(None, map(weights.of.get, set(found)))
    return [sum(column) for column in zip(weights.bias, *known)]


def _softmax(sums: Sequence[int]) -> list[float]:
    most = max(sums)
    parts = [exp((each - most) / SCALE) for each in sums]
    total = sum(parts)
    return [each / total for each in parts]


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-6), 1 - 1e-6)
    return log(bounded / (1 - bounded))
