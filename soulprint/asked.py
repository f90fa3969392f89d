"""What every change is asked with: who asks, and why."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass

from shared.domain.errors import UsageError
from shared.domain.printable import on_one_line

MOST_CHARACTERS = 500
"""Of a reason, and of a name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and why."""

    by: str
    reason: str
    as_json: bool = False
    """How the answer is to be printed."""
    version: int | None = None
    """Of a policy: only if it still is that one."""


def asked_by(by: str | None, reason: str, *, as_json: bool = False, version: int | None = None) -> Asked:
    """Raises UsageError for a reason that is none, and for what nobody would read."""
    reason = on_one_line(reason).strip()
    if not reason:
        raise UsageError("--reason is empty: say why, whoever looks back will ask")
    return Asked(name_of(by), _bounded("--reason", reason), as_json, version)


def noted_by(by: str | None, reason: str | None, *, as_json: bool = False) -> Asked:
    """The same, where a reason may be left out."""
    if reason is not None:
        return asked_by(by, reason, as_json=as_json)
    return Asked(name_of(by), "", as_json)


def name_of(by: str | None) -> str:
    """Who asks, as it is written down. Raises UsageError."""
    name = on_one_line(login() if by is None else by).strip()
    if not name:
        raise UsageError("--by is empty: say who asks, or leave it out for your login name")
    return _bounded("--by", name)


def _bounded(option: str, text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"{option} has {len(text):,} characters: at most {MOST_CHARACTERS} are kept")
    return text


def login() -> str:
    """The login name; in a container that knows none, the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
