"""Every regular expression of the product is linear in what it is asked to look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shared.domain.bounds import WORDS_CHARS
from shared.english.sentences import MOST_CHARS
from shared.models.rules.statement import QUOTE_CHARS
from tests.support.growth import MOST_GROWTH, Hostile, cost, growth, of_pattern
from tests.support.patterns import Held, made_when_called, patterns

DRAWN, SIZE = 30, 2_000
"""Hostile texts drawn for each pattern, beside those of single characters; characters of the smaller size."""
FLOOR = 0.001
"""Seconds that 8,000 characters may take without a question: a square of so little is a second at 250,000."""
SMALLEST = (16, 20, 24, 28, 32, 40)
"""Characters tried first: what doubles with each of them would else never end."""
AT_MOST = 0.02
"""Seconds for a text of at most a thousand characters. A square is far below, a cube beyond."""
BOUNDED = {
    "shared.models.rules.clauses.INDEX": MOST_CHARS,
    "shared.models.rules.when": QUOTE_CHARS + 1,
    "shared.models.rules.statement": QUOTE_CHARS + 1,
    "shared.english.claims": WORDS_CHARS,
    "shared.models.writer.sections": WORDS_CHARS,
    "shared.exports.formats.takeout._SUFFIX": 20,
    "shared.exports.formats.takeout_times": 80,
}
"""Patterns that see no longer texts, by the beginning of their place: clauses, statements, lines."""
MATCHED = (
    "shared.english.claims._COMPILED",
    "shared.models.rules.clauses.INDEX",
    "services.gateway.body_rules",
    "soulprint.dead.viewing",
)
"""Tables whose patterns are tried at the beginning of a text only."""
INLINE = {
    (
        "services.gateway.problems",
        "_methods",
    ): "templates of routes, their fields any text between two slashes",
    ("shared.domain.origins", "_origin"): "one class of characters",
    ("shared.domain.origins", "_pattern"): "the operator's own, as they set it",
    ("shared.domain.origins", "hold"): "the operator's own, for a header, which has few KiB",
    ("shared.english.slots", "compiled"): "held by `claims._COMPILED`",
    ("shared.exports.formats.gemini_html", "_end_of_first_block"): "`</p\\s*>`, which begins nowhere else",
    ("shared.exports.json.guess", "learn"): "as `guess._BEGINNING`, behind a key of at most 100 characters",
    ("shared.models.rules.rule", "rule"): "held by `clauses.INDEX`",
    ("shared.models.rules.when", "_with_year"): "for a point in time, which has few characters",
    ("shared.models.writer.sections", "_named"): "a literal",
    ("shared.postgres.binaries", "_complaint"): "for what Postgres printed",
}
"""Functions that make or use a pattern which no module holds, and why that may be."""


def use(held: Held) -> Callable[[str | bytes], object]:
    """The dearest of what the product does with the pattern."""
    pattern = held.pattern
    if held.place.startswith(MATCHED) or (held.methods and held.methods <= {"match", "fullmatch", "pattern"}):
        return pattern.match
    return lambda text: sum(1 for _ in pattern.finditer(text))


def written(text: Hostile, size: int, pattern: re.Pattern[Any]) -> str | bytes:
    whole = text.of(size)
    return whole.encode("utf-8", "surrogatepass") if isinstance(pattern.pattern, bytes) else whole


def bound_of(held: Held) -> int | None:
    return next((most for place, most in BOUNDED.items() if held.place.startswith(place)), None)


def too_dear(held: Held, drawn: int = DRAWN, size: int = SIZE, floor: float = FLOOR, seed: int = 0) -> str:
    """What shows that the pattern is not linear; empty if nothing does."""
    run, most = use(held), bound_of(held)
    for text in of_pattern(held.pattern, drawn, seed):
        for few in SMALLEST:
            if _exceeds(partial(run, written(text, few, held.pattern))):
                return f"{held.place}: grows without bound with {text}"
        if most is not None:
            bounded = partial(run, written(text, most, held.pattern)[:most])
            if _exceeds(bounded):
                return f"{held.place}: over {AT_MOST} s for {most} characters of {text}"
        else:
            times = growth(partial(_asked, run, text, held.pattern), size, floor)
            if times > MOST_GROWTH:
                return f"{held.place}: {times:.1f} times as long for four times as much of {text}"
    return ""


def _exceeds(run: Callable[[], object]) -> bool:
    """Whether it takes more than AT_MOST, each time: memory may be collected in the midst of one."""
    return all(cost(run) > AT_MOST for _ in range(5))


def _asked(
    run: Callable[[str | bytes], object], text: Hostile, pattern: re.Pattern[Any], size: int
) -> Callable[[], object]:
    return partial(run, written(text, size, pattern))


def test_every_pattern_is_linear() -> None:
    found = patterns()
    assert len(found) > 350
    assert list(filter(None, map(too_dear, found))) == []


@pytest.mark.parametrize(
    "bad",
    [r"<!--.*?(?:-->|\Z)|<(/?[a-zA-Z][a-zA-Z0-9]*)[^<>]*>", r"\{.*\}", r"(?: \[f:[0-9a-f]{8}\])+$"],
)
def test_what_is_not_is_found(bad: str) -> None:
    assert too_dear(Held("bad", re.compile(bad, re.DOTALL), frozenset({"finditer"})))


def test_no_function_makes_a_pattern_that_nobody_looks_at() -> None:
    """A pattern belongs to its module, where the test above finds it."""
    assert sorted(set(made_when_called()) - INLINE.keys()) == []
