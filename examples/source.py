"""The readable form of the sample conversations, and its reader.

A file is a header between `---` lines and blocks. A block begins with its kind alone on a line and a colon,
perhaps with a time (`user @ 2023-06-04 18:20:`), and holds the text up to the next one:

- `user`, `assistant`: what the screen shows; a line `[image: name.png 1024x768]` in it is a picture;
- `hidden`: a message of the user that the screen does not show;
- `code`, `output`: the assistant's call of the Python tool, and what the tool gave back;
- `thoughts`, `recap`: reasoning;
- `page`: a web page the browsing tool quoted;
- `bio`: what the assistant wrote to its own memory tool.

Between `<<< abandoned` and `>>>` stands a side branch: an edited prompt or a regenerated answer, left behind.
It hangs on the same block as what follows it. Instructions have the same form, with the blocks `about` and
`respond`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
_HEADING = re.compile(
    r"(user|assistant|hidden|code|output|thoughts|recap|page|bio|about|respond)"
    r"(?: @ (\d{4}-\d\d-\d\d \d\d:\d\d))?:"
)
_HEADER_KEYS = {"title", "start", "do_not_remember", "archived", "from"}


class SourceError(Exception):
    """A source file breaks the form above. The message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Block:
    """One message of a script."""

    kind: str
    text: str
    parent: int | None
    """Index of the block it answers; None for the first."""
    abandoned: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Script:
    """One source file. `start` is UTC."""

    slug: str
    title: str
    start: datetime
    blocks: tuple[Block, ...]
    do_not_remember: bool = False
    archived: bool = False

    @property
    def visible(self) -> tuple[Block, ...]:
        """What the screen shows, in order."""
        return tuple(b for b in self.blocks if not b.abandoned and b.kind in ("user", "assistant"))


@dataclass(frozen=True, slots=True)
class Instructions:
    """The custom instructions that held from `since` on. `since` is UTC."""

    since: datetime
    about: str
    respond: str


def read_conversations(folder: Path = HERE / "conversations") -> list[Script]:
    """Every conversation, in the order of file names."""
    return [_script(path) for path in sorted(folder.glob("*.md"))]


def read_instructions(folder: Path = HERE / "instructions") -> list[Instructions]:
    """Every state of the custom instructions, oldest first."""
    states = []
    for path in sorted(folder.glob("*.md")):
        header, blocks = _parse(path)
        text = {b.kind: b.text for b in blocks}
        states.append(Instructions(_time(header["from"]), text["about"], text["respond"]))
    return sorted(states, key=lambda state: state.since)


def _script(path: Path) -> Script:
    header, blocks = _parse(path)
    return Script(
        slug=path.stem,
        title=header["title"],
        start=_time(header["start"]),
        blocks=blocks,
        do_not_remember=header.get("do_not_remember") == "true",
        archived=header.get("archived") == "true",
    )


def _parse(path: Path) -> tuple[dict[str, str], tuple[Block, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    header, body_at = _header(path, lines)
    blocks: list[Block] = []
    forks: list[int | None] = []
    last: int | None = None
    heading: re.Match[str] | None = None
    text: list[str] = []

    def close_block() -> None:
        nonlocal heading, last
        if heading is not None:
            at = _time(heading[2]) if heading[2] else None
            blocks.append(Block(heading[1], "\n".join(text).strip(), last, bool(forks), at))
            last = len(blocks) - 1
        elif any(line.strip() for line in text):
            raise SourceError(f"{path.name}: text before the first block: {text[0]!r}")
        heading = None
        text.clear()

    for number, line in enumerate(lines[body_at:], body_at + 1):
        if line == "<<< abandoned":
            close_block()
            forks.append(last)
        elif line == ">>>":
            close_block()
            if not forks:
                raise SourceError(f"{path.name}:{number}: >>> without <<<")
            last = forks.pop()
        elif match := _HEADING.fullmatch(line):
            close_block()
            heading = match
        else:
            text.append(line)
    close_block()
    if forks:
        raise SourceError(f"{path.name}: <<< without >>>")
    return header, tuple(blocks)


def _header(path: Path, lines: list[str]) -> tuple[dict[str, str], int]:
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise SourceError(f"{path.name}: no header between --- lines")
    end = lines.index("---", 1)
    pairs = (line.partition(":") for line in lines[1:end])
    header = {key.strip(): value.strip() for key, _, value in pairs}
    if unknown := header.keys() - _HEADER_KEYS:
        raise SourceError(f"{path.name}: unknown header {sorted(unknown)}")
    return header, end + 1


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
