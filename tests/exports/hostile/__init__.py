"""Exports made to do harm, by the hundred, from a seed: what each is made of is told by the modules here, one
for each kind. To be looked at, or given to a service by hand:

    python -m tests.exports.hostile FOLDER --seed 1 --count 300
"""

from __future__ import annotations

from random import Random

from tests.exports.hostile import archives, crowds, gzips, names, pages, tables, texts, times, trees, values
from tests.exports.hostile.base import CASES, Case, Hostile

__all__ = ["KINDS", "Hostile", "corpus"]

KINDS = (archives, crowds, gzips, names, pages, tables, texts, times, trees, values)


def corpus(seed: int, count: int, most: int | None = None) -> list[Hostile]:
    """So many exports, by kind: two thirds are ways to harm, some of each kind, and the rest texts drawn by
    the seed. `most`: none has more hostile bytes, unpacked."""
    random = Random(seed)
    drawn = texts.drawn(random)
    fixed = list(CASES)
    share = count * 2 // 3
    if len(fixed) > share:
        fixed = _of_each_kind(fixed, share, random)
    cases: list[Case] = [*fixed, *(next(drawn) for _ in range(count - len(fixed)))]
    cases.sort(key=lambda each: (each.kind, each.name))
    return [
        Hostile(number, each, f"{seed}/{number}", each.full if most is None else min(most, each.full))
        for number, each in enumerate(cases)
    ]


def _of_each_kind(cases: list[Case], count: int, random: Random) -> list[Case]:
    kinds: dict[str, list[Case]] = {}
    for each in cases:
        kinds.setdefault(each.kind, []).append(each)
    for waiting in kinds.values():
        random.shuffle(waiting)
    chosen: list[Case] = []
    while len(chosen) < count:
        for waiting in kinds.values():
            if waiting and len(chosen) < count:
                chosen.append(waiting.pop())
    return chosen
