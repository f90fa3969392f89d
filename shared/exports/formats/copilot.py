"""Microsoft Copilot: the CSV files of the privacy dashboard, told apart by their header row.

`Conversation,Time,Author,Message` and `CreatedAt,MessageContent,Author,ChatName` hold one message a row;
`Timestamp,ClientApp,Prompt` holds what the person asked in Windows, without the answers. There are no
ids. The first runs from the newest row to the oldest, and a question and its answer bear one time: rows
are reversed, never sorted.

Neighbouring rows of one title are a conversation. One that was taken up again later, behind others, is
another one: so memory holds one at a time, and two that happen to share a title stay apart.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, NamedTuple

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import LARGE, LARGE_AHEAD, Conversation, Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.base import Head
from shared.exports.formats.fields import title_of, too_many
from shared.exports.formats.times import parse_time
from shared.exports.formats.turns import TurnCollector, digest_of
from shared.exports.json.weight import too_heavy

LINE = 64 * 1024
"""Characters read at a time."""
_LAYOUTS: dict[tuple[str, ...], tuple[int, int, int | None, int]] = {
    ("conversation", "time", "author", "message"): (0, 1, 2, 3),
    ("createdat", "messagecontent", "author", "chatname"): (3, 0, 2, 1),
    ("timestamp", "clientapp", "prompt"): (1, 0, None, 2),
}
"""By header row: where title, time, author and text stand."""
_AUTHORS: dict[str, Role] = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("ai", "bot", "assistant", "copilot"), "assistant"),
}
_NO_SPEECH = ("system", "tool", "api_tool")
_US_TIMES = ("%m/%d/%Y %H:%M:%S %z", "%m/%d/%Y %I:%M:%S %p %z", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S")
_ANYTHING = sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1
csv.field_size_limit(_ANYTHING)  # for the whole process, so no cap at all: `_Rows` has ours


class Copilot:
    """See the module."""

    name = "copilot"

    def detects(self, head: Head) -> bool:
        """True for a header row of the three."""
        first = head.text[:1000].partition("\n")[0].replace("\r", "")
        return head.container == "other" and _named(next(csv.reader([first]), [])) in _LAYOUTS

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        # csv gathers a field at four bytes a character, twice while it grows, beside the line and the cell.
        rows = _Rows(stream, member, min(limits.conversation_bytes, limits.text_memory // 4))
        layout = _LAYOUTS.get(_named(rows.next() or []))
        if layout is None:
            raise rows.failure or BrokenExportError(member, "row 1", "its header row is none that is known")
        title_at, time_at, author_at, text_at = layout
        width = max(title_at, time_at, author_at or 0, text_at) + 1
        runs = _Runs(limits)
        while (cells := rows.next()) is not None:
            if not cells:
                continue
            if len(cells) < width:
                yield Rejected(f"{member}#{rows.count}", f"its row has {len(cells)} columns of {width}")
                continue
            author = "user" if author_at is None else cells[author_at].strip()
            row = _Row(title_of(cells[title_at]), cells[time_at].strip(), author, cells[text_at])
            # Each of the prompts without an answer stands alone, as Gemini's activities do.
            yield from runs.take(row, alone=author_at is None)
        yield from runs.end()
        if rows.failure is not None:
            raise rows.failure


class _Row(NamedTuple):
    title: str
    time: str
    author: str
    text: str

    @property
    def is_persons(self) -> bool:
        return _AUTHORS.get(self.author.casefold()) == "user"


class _Runs:
    """Neighbouring rows of one title, put in the order in which they were said."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._rows: list[_Row] = []
        self._count = 0
        self._size = self._held = 0
        self._newest_first: bool | None = None
        """What the times of the file have shown so far."""

    def take(self, row: _Row, *, alone: bool) -> Iterator[Parsed]:
        """Add a row; yields the conversation that it ends, and LARGE_AHEAD where its own grows large."""
        if self._count and (alone or row.title != self._rows[0].title):
            yield from self.end()
        self._count += 1
        was_large = self._size > LARGE
        self._size += len(row.text)
        self._held += sum(map(sys.getsizeof, row))
        if self._size > LARGE and not was_large:
            yield LARGE_AHEAD
        if not self._too_large():
            self._rows.append(row)
        else:
            del self._rows[1:]  # counted to its end, not held

    def end(self) -> Iterator[Parsed]:
        """The conversation of the rows taken."""
        rows, reason = self._rows, self._too_large()
        self._rows, self._count, self._size, self._held = [], 0, 0, 0
        if reason:
            yield Rejected(digest_of("copilot", rows[0].title, rows[0].time), reason)
        elif rows:
            yield _conversation(rows[::-1] if self._is_newest_first(rows) else rows)

    def _too_large(self) -> str:
        """Why the rows are more than a conversation may be; nothing where they are not."""
        limits = self._limits
        if self._count > limits.messages:
            return too_many(self._count, limits.messages)
        if self._size > limits.conversation_bytes:
            return f"larger than {limits.conversation_bytes} bytes, the cap on one conversation"
        # Beside the rows stands what is repaired, joined and cut of them.
        return too_heavy(limits) if self._held > limits.conversation_memory // 3 else ""

    def _is_newest_first(self, rows: list[_Row]) -> bool:
        first, last = _time(rows[0].time), _time(rows[-1].time)
        if first is not None and last is not None and first != last:
            self._newest_first = first > last
        if self._newest_first is not None:
            return self._newest_first
        return not rows[0].is_persons and rows[-1].is_persons


def _conversation(rows: list[_Row]) -> Conversation:
    first = rows[0]
    turns = TurnCollector()
    for row in rows:
        role = _AUTHORS.get(row.author.casefold())
        if role is None and row.author.casefold() in _NO_SPEECH:
            continue
        # Some files name the assistant as the product was called then; only the person is always the same.
        turns.add("", role or "assistant", row.text, _time(row.time))
    key = digest_of("copilot", first.title, first.time, first.text)
    return turns.conversation(key, first.title, None, None)


def _time(text: str) -> float | None:
    time = parse_time(text)
    for form in () if time is not None else _US_TIMES:
        try:
            return parse_time(datetime.strptime(text, form).isoformat())  # noqa: DTZ007  no zone means UTC
        except ValueError:
            continue
    return time


def _named(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip().lstrip("\ufeff").casefold() for cell in cells)


class _Rows:
    """The rows of a CSV file. One larger than `limit` ends it: no end of its quotes is in sight."""

    def __init__(self, stream: BinaryIO, member: str, limit: int) -> None:
        self._text = io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="")
        self._member = member
        self._limit = limit
        self._rows = csv.reader(self._lines())
        self._pending = 0
        self.count = 0
        self.failure: BrokenExportError | None = None
        """Where and why the file ended too early."""

    def next(self) -> list[str] | None:
        """The next row, or None at the end."""
        self._pending = 0
        try:
            row = next(self._rows)
        except StopIteration:
            return None
        except BrokenExportError as error:
            self.failure = error
            return None
        except csv.Error as error:
            self.failure = self._broken(f"it is no CSV from here on ({error})")
            return None
        if self.failure is not None:
            return None
        self.count += 1
        return row

    def _lines(self) -> Iterator[str]:
        line: list[str] = []
        while piece := self._text.readline(LINE):
            self._pending += len(piece)
            if self._pending > self._limit:
                raise self._broken(f"a row is larger than {self._limit} bytes: is a quote not closed?")
            line.append(piece)
            if len(piece) < LINE or piece.endswith("\n"):  # csv takes the end of a string for that of a line
                yield "".join(line)
                line = []
        if line:
            yield "".join(line)
        if self._pending:
            self.failure = self._broken("the file ends inside a row")

    def _broken(self, reason: str) -> BrokenExportError:
        return BrokenExportError(self._member, f"row {self.count + 1}", reason)
