"""Our migration files, statement by statement, and what they make by which name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
    | '(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollar)
    | (?P<end> ; )
    """,
    re.DOTALL | re.VERBOSE,
)
_MADE: Final = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+)?(?P<kind>TABLE|VIEW|FUNCTION|INDEX|POLICY|TRIGGER)\s+"
    r"(?:IF\s+NOT\s+EXISTS\s+)?(?:public\.)?(?P<name>\w+)(?P<rest>[^(]*?\bON\s+(?:public\.)?(?P<table>\w+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, order=True)
class Made:
    """What a statement makes in schema public: a table, view, function, index, policy or trigger."""

    kind: str
    name: str
    table: str = ""
    """Whose policy or trigger it is."""


def split(sql: str) -> list[str]:
    """The statements of a file of ours, without the comments before each."""
    statements, begun, told = [], 0, False
    for token in _TOKEN.finditer(sql):
        if token["comment"] and not told and not sql[begun : token.start()].strip():
            begun = token.end()
        elif token["end"]:
            statements.append(sql[begun : token.start()].strip())
            begun, told = token.end(), False
        else:
            told = True
    statements.append(sql[begun:].strip())
    return [statement for statement in statements if statement]


def made_by(statements: Iterable[str]) -> set[Made]:
    """What these statements make."""
    made = set()
    for statement in statements:
        found = _MADE.match(statement)
        if found is not None:
            kind = found["kind"].lower()
            of = found["table"] if kind in ("policy", "trigger") else ""
            made.add(Made(kind, found["name"].lower(), of or ""))
    return made
