"""What every change is asked with: who asks, why, and of which policy."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, replace

from shared.domain.errors import UsageError
from soulprint.context import on_one_line

MOST_CHARACTERS = 500
"""Of a reason, and of a name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and why. `version`: only if the policy still is that one."""

    by: str
    reason: str
    as_json: bool = False
    version: int | None = None


def asked_by(by: str | None, reason: str, *, as_json: bool = False, version: int | None = None) -> Asked:
    """Raises UsageError for a reason that is none, and for what nobody would read."""
    reason, name = on_one_line(reason).strip(), on_one_line(login() if by is None else by).strip()
    if not reason:
        raise UsageError("--reason is empty: say why, whoever looks back will ask")
    if not name:
        raise UsageError("--by is empty: say who asks, or leave it out for your login name")
    for option, text in (("--reason", reason), ("--by", name)):
        if len(text) > MOST_CHARACTERS:
            raise UsageError(f"{option} has {len(text):,} characters: at most {MOST_CHARACTERS} are kept")
    return Asked(name, reason, as_json, version)


def noted_by(by: str | None, reason: str | None) -> Asked:
    """The same, where a reason may be left out."""
    if reason is not None:
        return asked_by(by, reason)
    return replace(asked_by(by, "-"), reason="")


def login() -> str:
    """The login name; in a container that knows none, the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
