"""The gate: how likely a clause is a fact of the person, and of what kind. What it weighs is learned from
data/labels by `python -m scripts.train`; a clause costs look-ups and sums, and needs no library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import repeat
from math import exp, log
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from shared.english.gate.features import matter_in
from shared.english.plain import fold

WEIGHTS = Path(__file__).with_name("weights.json")
SCALE = 100
"""Weights are kept as whole hundredths."""
BITS = 32
_ZERO = 1 << BITS - 1
"""Added to each sum, so that none is below zero."""
Sums = tuple[int, ...]
"""Of the weights of a clause's features, for each class and then each kind: all are higher by the same."""


class Verdict(NamedTuple):
    """What a clause is, as likelihoods that add up to 1 (data/labels/README.md has the classes)."""

    durable: float
    event: float
    passing: float
    dangling: float
    not_own: float

    @property
    def fact(self) -> float:
        """How likely it is worth remembering."""
        return self.durable + self.event


CLASSES = len(Verdict._fields)


class _Learned(NamedTuple):
    """What is learned. The weights of a feature are one number, with BITS for each class and then each kind:
    one addition adds them all, and there is one object for them in memory."""

    kinds: tuple[str, ...]
    of: dict[str, int]
    bias: int
    fields: Struct
    slope: float
    offset: float


@cache
def _learned() -> _Learned:
    kept = json.loads(WEIGHTS.read_bytes())
    classes, kinds = kept["classes"], kept["kinds"]
    of = {name: _packed(weights) for name, weights in classes["of"].items()}
    first = BITS * len(classes["names"])
    for name, weights in kinds["of"].items():
        of[name] = of.get(name, 0) + (_packed(weights) << first)
    bias = [each + _ZERO for each in (*classes["bias"], *kinds["bias"])]
    return _Learned(tuple(kinds["names"]), of, _packed(bias), Struct(f"<{len(bias)}I"), *kept["calibration"])


def _packed(weights: Sequence[int]) -> int:
    packed = 0
    for each in reversed(weights):
        packed = (packed << BITS) + each
    return packed


def weighed(found: Iterable[str]) -> Sums:
    """What the features weigh together, for each class and each kind."""
    learned = _learned()
    total = sum(map(learned.of.get, set(found), repeat(0)), learned.bias)
    return learned.fields.unpack(total.to_bytes(learned.fields.size, "little"))


def verdict_of(sums: Sums) -> Verdict:
    """What a clause is whose features weigh so much."""
    learned = _learned()
    likely = _softmax(sums[:CLASSES])
    fact = likely[0] + likely[1]
    calibrated = 1 / (1 + exp(-(learned.slope * _logit(fact) + learned.offset)))
    of_facts, of_others = calibrated / max(fact, 1e-9), (1 - calibrated) / max(1 - fact, 1e-9)
    return Verdict(
        likely[0] * of_facts,
        likely[1] * of_facts,
        likely[2] * of_others,
        likely[3] * of_others,
        likely[4] * of_others,
    )


def kind_of(sums: Sums) -> str:
    """The kind of fact that such a clause is, if it is one (data/labels/README.md has them)."""
    of_kinds = sums[CLASSES:]
    return _learned().kinds[of_kinds.index(max(of_kinds))]


def kinds_in(statement: str) -> dict[str, float]:
    """How likely a statement is of each kind, by its words alone; the likelihoods add up to 1."""
    sums = weighed(matter_in(fold(statement).rstrip(" .!?…")))
    return dict(zip(_learned().kinds, _softmax(sums[CLASSES:]), strict=True))


def _softmax(sums: Sums) -> list[float]:
    most = max(sums)
    parts = [exp((each - most) / SCALE) for each in sums]
    total = sum(parts)
    return [each / total for each in parts]


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-6), 1 - 1e-6)
    return log(bounded / (1 - bounded))
