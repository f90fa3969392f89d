"""Reads the YAML that our own files are written in, and refuses any other.

Block mappings and sequences, `|` text, scalars on one line (plain, or quoted as in JSON), flow sequences as
in JSON, comments on lines of their own, an anchor on a mapping, aliases, and `<<` merges. Every scalar that
is not quoted stays a string, which is what the tests compare.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_KEY = re.compile(r"([A-Za-z_<][\w.\-<]*):(?: (.*))?\Z")


def read_yaml(path: Path) -> Any:
    """The document of a file. Raises ValueError, naming the line, where it is beyond this reader."""
    return _Reader(path).document()


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = path.read_text(encoding="utf-8").splitlines()
        self._at = 0
        self._anchors: dict[str, Any] = {}

    def document(self) -> Any:
        value = self._block(0)
        if self._peek() is not None:
            raise self._beyond()
        return value

    def _peek(self) -> tuple[int, str] | None:
        """Indent and text of the next line that says something."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            text = line.strip()
            if text and not text.startswith("#"):
                return len(line) - len(line.lstrip(" ")), text
            self._at += 1
        return None

    def _block(self, least: int) -> Any:
        """The mapping or sequence indented by at least `least`; None if there is none."""
        found = self._peek()
        if found is None or found[0] < least:
            return None
        indent = found[0]
        return self._sequence(indent) if found[1].startswith("- ") else self._mapping(indent)

    def _sequence(self, indent: int) -> list[Any]:
        items: list[Any] = []
        while (found := self._peek()) and found[0] == indent and found[1].startswith("- "):
            rest = found[1][2:]
            if _KEY.match(rest):  # a mapping that begins beside the dash
                self._lines[self._at] = " " * (indent + 2) + rest
                items.append(self._mapping(indent + 2))
            else:
                self._at += 1
                items.append(self._scalar(rest))
        return items

    def _mapping(self, indent: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        while (found := self._peek()) and found[0] == indent and not found[1].startswith("- "):
            matched = _KEY.match(found[1])
            if matched is None or matched[1] in own:
                raise self._beyond()
            self._at += 1
            value = self._value(matched[2] or "", indent)
            if matched[1] == "<<":
                merged |= value
            else:
                own[matched[1]] = value
        if found and found[0] > indent:
            raise self._beyond()
        return merged | own

    def _value(self, rest: str, indent: int) -> Any:
        if rest == "|":
            return self._text(indent)
        if rest == "" or (rest.startswith("&") and " " not in rest):
            value = self._block(indent + 1)
            if rest:
                self._anchors[rest[1:]] = value
            return value
        return self._scalar(rest)

    def _text(self, indent: int) -> str:
        lines = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
                break
            lines.append(line.strip())
            self._at += 1
        return "\n".join(lines)

    def _scalar(self, text: str) -> Any:
        if text.startswith("*"):
            return self._anchors[text[1:]]
        if text[0] in '["':
            return json.loads(text)
        if text[0] in "{&!>'%@`" or " #" in text or ": " in text:
            raise self._beyond()
        return text

    def _beyond(self) -> ValueError:
        return ValueError(f"{self._path.name}:{self._at + 1}: not in the YAML that we write")
