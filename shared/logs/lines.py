"""What every line passes before it is written: an exception leaves its class and its way through the code, a
value that is no plain one its type."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from shared.domain.printable import unbroken
from shared.domain.told import is_ours, told, way_of

Line = MutableMapping[str, Any]
_PLAIN = (UUID, date, timedelta, PurePath)
"""What stands in a line as it is written, beside strings and numbers."""


def where_it_broke(_: Any, __: str, line: Line) -> Line:
    """Of an exception its class, and its way through the code. What it says, if it is ours; another's words
    could hold anything."""
    line.pop("stack_info", None)
    error = _error_of(line.pop("exc_info", None))
    if error is not None:
        line.setdefault("error", told(error) if is_ours(error) else type(error).__name__)
        line["through"] = way_of(error)
    return line


def whole_errors(_: Any, __: str, line: Line) -> Line:
    """An error always says whose it was, None for nobody's, in which step, and what happened."""
    if line.get("level") in ("error", "critical"):
        line.setdefault("user_id", None)
        line.setdefault("step", line.get("stage") or line.get("service") or line.get("logger"))
        line.setdefault("error", line.get("event"))
    return line


def plain_values(_: Any, __: str, line: Line) -> Line:
    """No value is written by its repr, which of a model or an error is all that it holds; and none commands a
    terminal on which somebody reads the log."""
    for name, value in line.items():
        line[name] = _plain(value)
    return line


def _error_of(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    elif exc_info is not None and not isinstance(exc_info, BaseException) and exc_info:
        exc_info = sys.exc_info()[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, str):
        return unbroken(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, _PLAIN):
        return str(value)
    if isinstance(value, BaseException):
        return told(value)
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return f"<{type(value).__name__}>"
