"""A runbook, followed as it stands: its commands are run in order, and print what the page shows below each.

await follow(PAGE, run, FOLDER, {"ten": a_day_passes})

What is compared is the form: numbers, ids, times and the lengths of bars are of the run that was shown.
PAGES=write has `compare` write what was printed into the page, for a person to look at.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_PASSAGE = re.compile(
    r"^```sh(?: (?P<note>\w+))?\n(?P<code>.+?)\n```\n(?:\n(?P<shown>(?:    [^\n]*\n|\n(?=    ))+))?",
    re.MULTILINE | re.DOTALL,
)
_FORMS: Mapping[str, re.Pattern[str]] = {
    "ID": re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    "TIME": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: UTC|Z|[+-]\d\d:?\d\d)?"),
    "COMMIT": re.compile(r"\b[0-9a-f]{7,40}\b"),
    "DAY": re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"),
    "MONTH": re.compile(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"),
    "SPAN": re.compile(r"\b\d[\d.]* (?:s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?"),
    "N": re.compile(r"\d[\d,.]*"),
    "BAR": re.compile(r"[^\w\s.,:;|()'\"`/<>=+*@-]{2,}"),
    " ": re.compile(r"\s+"),
}


_AS_OTHERS = """#!{python}
import sys
with open("{told}", "a") as file:
    print(*sys.argv, sep="\\t", file=file)
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """Commands, and what they print."""

    code: str
    note: str
    """The word after the language: what has to be so before."""
    shown: str | None
    begin: int
    end: int
    """Where what is shown lies in the page."""


@dataclass
class Runbook:
    """A page of docs."""

    page: Path
    text: str
    passages: list[Passage]
    _printed: dict[int, tuple[Passage, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, page: Path) -> Self:
        """The page as it is."""
        text = page.read_text("utf-8")
        found = [
            Passage(each["code"], each["note"] or "", each["shown"], *each.span("shown"))
            for each in _PASSAGE.finditer(text)
        ]
        return cls(page, text, found)

    def saw(self, passage: Passage, printed: str) -> None:
        """What a passage printed."""
        self._printed[passage.begin] = (passage, printed)

    def compare(self) -> None:
        """Fail if the page shows anything else."""
        shown = {begin: each for begin, each in self._printed.items() if each[0].shown is not None}
        if os.environ.get("PAGES") == "write":
            text = self.text
            for _, (passage, printed) in sorted(shown.items(), reverse=True):
                text = text[: passage.begin] + indented(printed) + text[passage.end :]
            self.page.write_text(text, "utf-8")
            return
        wrong = [
            f"{passage.code}\nshows:\n{passage.shown}\nprints:\n{printed}"
            for passage, printed in shown.values()
            if form(passage.shown or "") != form(printed)
        ]
        assert wrong == [], f"{self.page.name} is not what is printed; PAGES=write writes it\n" + "\n".join(
            wrong
        )


async def follow(
    page: Path,
    run: Callable[[str], Awaitable[str]],
    folder: Path,
    before: Mapping[str, Callable[[], Awaitable[None]]],
) -> dict[str, str]:
    """Do what the page says, in this folder, and what is to be before a passage of each note; what commands
    printed."""
    book, said = Runbook.read(page), dict[str, str]()
    assert {each.note for each in book.passages} - {""} == before.keys()
    assert book.text.count("\n```") == 2 * len(book.passages)
    for passage in book.passages:
        if passage.note:
            await before[passage.note]()
        printed = await run(f"cd '{folder}'\n{passage.code}")
        said[passage.code] = printed
        book.saw(passage, printed)
    book.compare()
    return said


async def nothing() -> None:
    """Of a note that asks for nothing before it."""


def stand_ins(folder: Path, told: Path, names: Iterable[str]) -> Path:
    """A folder with stand-ins of commands that cannot run here; they write into `told` how they were called,
    a line each, separated by tabs."""
    commands = folder / "bin"
    commands.mkdir()
    for name in names:
        (commands / name).write_text(_AS_OTHERS.format(python=sys.executable, told=told))
        (commands / name).chmod(0o755)
    return commands


def form(text: str) -> str:
    """What stays of a text from run to run."""
    for name, pattern in _FORMS.items():
        text = pattern.sub(name, text)
    return text.strip()


def indented(text: str) -> str:
    """As a page shows it."""
    return "".join(f"    {line}".rstrip() + "\n" for line in text.strip("\n").splitlines())
