"""What the README shows of the sample's memory, made anew from what comes out now.

    PAGES=write make test ARGS=tests/acceptance/test_example.py

The lines that the README shows are looked for by their statements: what is still in MEMORY is shown with
its date and reference of now, under the heading where it stands now; what is not is left out, and missing in
the diff. To show another line, put `- its statement` into the excerpt and write it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

BEGIN, END = "<!-- excerpt:begin -->", "<!-- excerpt:end -->"
_ASKED = "$ soulprint show --why "
_LINE = re.compile(r"(?P<indent> *)- (?:earlier: )?(?P<statement>.+?)(?: \([^()]*\))?(?: \[f:\w+\])?")
_COLUMNS = re.compile(r" {2,}")
WHY_LINES = 3


def excerpt_of(readme: str) -> str:
    """What stands between the marks."""
    return readme.split(BEGIN)[1].split(END)[0]


def redone(
    readme: str, memory: str, references: Mapping[str, str], why: Callable[[str], Iterable[str]]
) -> str:
    """The README with the excerpt of now. `references` has the reference of each statement, `why` tells of
    one. Raises KeyError where the fact is gone whose origin the README tells."""
    before = excerpt_of(readme)
    _, memory_shown, between, origin_shown, rest = before.split("```")
    wanted = {found["statement"] for line in memory_shown.splitlines() if (found := _LINE.fullmatch(line))}
    kept = "\n".join(_kept(memory.splitlines(), wanted)).strip()
    reference = references[_COLUMNS.split(origin_shown.split(_ASKED)[1].splitlines()[1])[-1]]
    told = "\n".join([*why(reference)][:WHY_LINES])
    fences = ["\n", f"markdown\n{kept}\n", between, f"\n{_ASKED}{reference}\n{told}\n", rest]
    return readme.replace(before, "```".join(fences))


def _kept(memory: Iterable[str], wanted: set[str]) -> Iterator[str]:
    """The lines that are wanted, those of history below the line that they belong to, with their headings."""
    heading, is_under = "", False
    for line in memory:
        if line.startswith("#"):
            heading = line
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        is_history = bool(found["indent"])
        is_wanted = found["statement"] in wanted
        if not is_history:
            is_under = is_wanted
        if is_wanted and (is_under or not is_history):
            if heading:
                yield from ("", heading, "")
                heading = ""
            yield line
