"""How the time that something takes grows with its input.

What is judged is growth, not time: processor time of this thread at a size and at four times that. Four times
as much is linear, sixteen times quadratic; what is so fast that neither could be told is not judged, and what
seems to grow is measured again, and the least counts, before anybody is told.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

STEP = 4
"""How many times as large the larger input is."""
MOST_GROWTH = 9.0
"""Times that it may take then: more than twice what is linear, far less than the sixteen of a square."""
_TRIES = 3

UNITS = (
    *"a <>&;:\"'`*_-=.,!?/\\|#@$%()[]{}~0", *"\n\t\r\x00\xa0é你\u200b\u202e\ue200\ue201\ue202【】\ud83d😀",
    "aa ", "ab, ", "a.b", "a. ", "... ", ".)", "...)", '."', "e.g. ", "dr. ", "u.s. ", "p.s. ", "1.2.",
    "12:30 ", "\n\n", " \n", "\n ", "\n- ", "\n> ", "\n# ", "\n* ", "\n| ", "- ", "-- ", "** ", "**a** ",
    "```", "```\n", "`a` ", '"a" ', "'a ", " 'a'", "a' ", "(a) ", ") ", "; ", ": ", "a: ", "subject: ",
    "dear a, ", "best,\n", "I was ", "I am ", "i live in ", "my name is ", "and i ", ", i ", "so i ", "we ",
    "is ", "if i ", "imagine ", "in future ", "when you ", "please ", "fix this ", "translate ", "write a ",
    "act as a ", "the user ", "in 2020 ", "last a ", "since may ", "not until ", "yesterday ", "on 1 may ",
    "<a", "<a ", "</", "<!--", "-->", "<p>", "<li>", "<pre>", "</pre>", "<script>", "<br>", "<br ", "<div>",
    "&#", "&#9", "&amp", "&lt;", "<details ", "<details type=reasoning>", "</details>", "<think>",
    "<grok:render ", ":::thinking ", '<div class="header-cell', '<div class="content-cell">',
    '<div class="outer-cell', "【1†", " [f:01234567]", "\\u", "\\ud800", '\\"', '"a":', '{"a":', '{"a":1},',
    '[{"a":', "[[", "]]", "{}", "},{", "1e9", "null,", 'a,"b""c",', '""', "https://a.", "www.", "a@b.",
    "![a](", "[a](b) ", "0 ", "$1 ", "a\tb\n", "ß", "İ", "ﬁ", "i'm ", "don’t ",
)  # fmt: skip
"""What hostile text is made of, each again and again."""
FRAMES = (
    ("", ""), ("", "x"), ("", "\n"), ("<", ""), ("a ", "!"), ("I am ", ""), ('"', ""), ("", "\x01"),
    ("- ", " ."), ("```", "x"),
)  # fmt: skip
"""What stands before and behind them: what never ends, and what fails only at the end."""


class Hostile(NamedTuple):
    """A text of any size: `unit` as often as there is room for it."""

    prefix: str
    unit: str
    suffix: str

    def of(self, size: int) -> str:
        """About `size` characters of it."""
        room = size - len(self.prefix) - len(self.suffix)
        return self.prefix + self.unit * max(1, room // len(self.unit)) + self.suffix


def every_hostile() -> Iterator[Hostile]:
    """All units in all frames."""
    return (Hostile(before, unit, behind) for unit in UNITS for before, behind in FRAMES)


def each_hostile() -> list[Hostile]:
    """Every unit in one frame, in turns."""
    return [Hostile(before, unit, behind) for unit, (before, behind) in zip(UNITS, _in_turns(), strict=False)]


def _in_turns() -> Iterator[tuple[str, str]]:
    while True:
        yield from FRAMES


def cost(run: Callable[[], object]) -> float:
    """Seconds of processor time that it takes."""
    begin = time.thread_time()
    run()
    return time.thread_time() - begin


def growth(make: Callable[[int], Callable[[], object]], size: int, floor: float) -> float:
    """How many times as long `make(size * STEP)` takes as `make(size)`; 0.0 where it takes less than `floor`
    seconds. What seems too much is measured again, and the least counts."""
    large = make(size * STEP)
    first = cost(large)
    if first < floor:
        return 0.0
    small = make(size)
    least = first / max(cost(small), 1e-9)
    for _ in range(_TRIES):
        if least <= MOST_GROWTH:
            break
        quick, slow = min(cost(small) for _ in range(3)), cost(large)
        if slow < floor:
            return 0.0
        least = min(least, slow / max(quick, 1e-9))
    return least


def of_pattern(pattern: re.Pattern[Any], count: int, seed: int = 0) -> Iterator[Hostile]:
    """Hostile texts of the pattern's own making: what it matches, one character of it repeated, alone and
    behind what stands before it; then `count` with any part of it repeated. With an end that it does not
    expect. The same for the same seed."""
    draw = random.Random(repr((seed, pattern.pattern)))
    tree = parser.parse(pattern.pattern, pattern.flags)
    singles: dict[Hostile, None] = {}
    for _ in range(3):
        text = _matched(tree, draw, 1)
        for at in draw.sample(range(len(text)), min(len(text), _PLACES)):
            end = draw.choice(_ENDS)
            singles[Hostile("", text[at], end)] = None
            singles[Hostile(text[:at], text[at], end)] = None
    yield from draw.sample(list(singles), min(len(singles), 2 * _PLACES))
    for _ in range(count):
        text = _matched(tree, draw, draw.choice((1, 2, 3, 8))) or "x"
        begin = draw.randrange(len(text))
        end_of_unit = min(len(text), begin + draw.choice((1, 2, 3, 5, 8, 13, 40)))
        suffix = draw.choice((*_ENDS, text[-1]))
        yield draw.choice((
            Hostile("", text, suffix),
            Hostile(text[:begin], text[begin:end_of_unit], suffix),
            Hostile("", text[begin:end_of_unit], suffix),
            Hostile(text[:begin], text[begin:end_of_unit], text[end_of_unit:-1]),
        ))  # fmt: skip


_PLACES = 8
_ENDS = ("", "\x01", "!", "\n", "<", "x")


_OF_CATEGORY = {
    sre.CATEGORY_DIGIT: "7",
    sre.CATEGORY_NOT_DIGIT: "x",
    sre.CATEGORY_SPACE: " \t\n",
    sre.CATEGORY_NOT_SPACE: "x.",
    sre.CATEGORY_WORD: "aZ_9",
    sre.CATEGORY_NOT_WORD: " .'\"",
}
_ANYTHING = "a x.<>&;:\"'-\t\n0A_é\x00"


def _matched(tree: Any, draw: random.Random, most: int) -> str:
    """Something that the pattern is likely to match: what it looks ahead at and refuses may be in it, too."""
    return "".join(_part(op, value, draw, most) for op, value in tree)


def _part(op: Any, value: Any, draw: random.Random, most: int) -> str:
    if op is sre.LITERAL:
        return chr(value)
    if op is sre.NOT_LITERAL:
        return draw.choice([each for each in "a x<" if each != chr(value)])
    if op is sre.ANY:
        return draw.choice("a .x")
    if op is sre.IN:
        return _one_of(value, draw)
    if op is sre.BRANCH:
        return _matched(draw.choice(value[1]), draw, most)
    if op is sre.SUBPATTERN:
        return _matched(value[-1], draw, most)
    if op is sre.ATOMIC_GROUP:
        return _matched(value, draw, most)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, greatest, inner = value
        times = draw.randint(least, min(greatest, least + most))
        return "".join(_matched(inner, draw, most) for _ in range(times))
    if op is sre.ASSERT:
        ahead, inner = value
        return _matched(inner, draw, most) if ahead < 0 or draw.random() < 0.3 else ""
    if op is sre.ASSERT_NOT:
        return _matched(value[1], draw, most) if draw.random() < 0.2 else ""
    return ""


def _one_of(items: Any, draw: random.Random) -> str:
    chosen: list[str] = []
    for op, value in items:
        if op is sre.LITERAL:
            chosen.append(chr(value))
        elif op is sre.RANGE:
            chosen.append(chr(draw.choice(value)))
        elif op is sre.CATEGORY:
            chosen.extend(_OF_CATEGORY[value])
    if items[0][0] is sre.NEGATE:
        return draw.choice([each for each in _ANYTHING if each not in chosen] or ["\u2603"])
    return draw.choice(chosen or ["a"])
