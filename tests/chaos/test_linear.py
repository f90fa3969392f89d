"""The long form of tests/unit/test_linear_*: more texts a pattern, all units in all frames, and larger.

CHAOS_SEED=2 make chaos ARGS="tests/chaos/test_linear.py"
"""

from __future__ import annotations

import os
from functools import partial

import pytest

from tests.support.growth import every_hostile
from tests.support.patterns import patterns
from tests.unit.test_linear_parsers import PARSERS, SIZE, SIZES
from tests.unit.test_linear_parsers import too_dear as parser_too_dear
from tests.unit.test_linear_patterns import too_dear as pattern_too_dear

SEED = int(os.environ.get("CHAOS_SEED", "1"))


def test_every_pattern_is_linear() -> None:
    looked = partial(pattern_too_dear, drawn=400, size=8_000, floor=0.002, seed=SEED)
    assert list(filter(None, map(looked, patterns()))) == []


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_is_linear(name: str) -> None:
    size = 2 * SIZES.get(name, SIZE)
    assert parser_too_dear(PARSERS[name], list(every_hostile()), size) == []
