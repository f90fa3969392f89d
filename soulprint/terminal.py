"""The one door to the terminal: whatever a command prints passes it, and `make lint` bans every other way.

What is printed may come from an export, a database, a file's name, a variable or a server's answer, and
nobody has to remember which. So nothing is markup, and of each line what could command a terminal, turn it
around, hide in it or end it is taken out here, where it is printed, whatever was done where it was made. Line
ends are kept of `Lines`, which only what lays lines out makes, and of a person's text that is shown as one.
What Rich draws passes `soulprint.drawing`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import Any, Final, TextIO

import orjson

from shared.domain.printable import escaped, printable, unbroken
from soulprint.blocks import Lines, fitted

_COLOURS: Final = {"red": 31, "green": 32, "yellow": 33, "cyan": 36}
_PAINT: Final = re.compile("(\x1b\\[(?:0|31|32|33|36)m)")


def is_terminal(*, err: bool = False) -> bool:
    """Whether somebody looks on, at standard output or, `err`, at standard error."""
    return _stream(err).isatty()


def standard_error() -> TextIO:
    """For what shows progress there."""
    return sys.stderr


def say(*lines: str, err: bool = False, to: TextIO | None = None) -> None:
    """Print each of `lines` as one line, as long as it is, on standard output; `err`: on standard error."""
    _print(map(_line, lines), _stream(err, to))


def say_fitted(*lines: str, err: bool = False, to: TextIO | None = None) -> None:
    """The same, wrapped between words where that is a terminal."""
    stream = _stream(err, to)
    _print((_line(fitted(line, stream)) for line in lines), stream)


def say_text(text: str) -> None:
    """Print what a person or a model wrote, with its line ends."""
    _print([printable(text)])


def say_json(*values: Any, indent: bool = False) -> None:
    """Print each of `values` as JSON, on one line if not `indent`. A program reads what is so, a terminal
    nothing but text: what is more in it is escaped."""
    _print(json_text(value, indent=indent) for value in values)


def json_text(value: Any, *, indent: bool = False) -> str:
    """`value` as a JSON document that can be printed. What no JSON can hold of a text (bytes of a file's
    name) is U+FFFD there."""
    option = orjson.OPT_INDENT_2 if indent else 0
    try:
        document = orjson.dumps(value, option=option)
    except TypeError:
        document = orjson.dumps(_encodable(value), option=option)
    return escaped(document.decode())


def say_painted(lines: Iterable[str]) -> None:
    """Print lines in which `painted` put colours; only those pass, so what else they hold is clean before."""
    if not _is_painted():
        say(*lines)
        return
    _print("".join(_painted_part(part) for part in _PAINT.split(line)) for line in lines)


def painted(text: str, colour: str) -> str:
    """`text` in a colour where standard output is a terminal that shows it, and elsewhere as it is."""
    if not _is_painted():
        return unbroken(text)
    return f"\x1b[{_COLOURS[colour]}m{unbroken(text)}\x1b[0m"


def say_over(text: str) -> None:
    """Print on standard error over what was printed last, where that is a terminal; elsewhere nothing."""
    if is_terminal(err=True):
        _write(f"\r{unbroken(text)}", sys.stderr)


def fail(words: object) -> None:
    """Say on standard error why a command ends: one line, wrapped where that is a terminal."""
    say_fitted(f"soulprint: {words}", err=True)


def _line(line: str) -> str:
    return printable(line) if isinstance(line, Lines) else unbroken(line)


def _is_painted() -> bool:
    return is_terminal() and not os.environ.get("NO_COLOR")


def _painted_part(part: str) -> str:
    return part if _PAINT.fullmatch(part) else _line(part)


def _stream(err: bool = False, to: TextIO | None = None) -> TextIO:
    """As it is now: whoever replaces it for a while gets what is printed."""
    return to or (sys.stderr if err else sys.stdout)


def _print(texts: Iterable[str], to: TextIO | None = None) -> None:
    _write("".join(f"{text}\n" for text in texts), to or sys.stdout)


def _write(text: str, stream: TextIO) -> None:
    """Write it, also where the encoding of the terminal lacks some of it."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def _encodable(value: Any) -> Any:
    """`value` with U+FFFD for halves of characters, wherever they stand in it."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(inner) for inner in value]
    return value
