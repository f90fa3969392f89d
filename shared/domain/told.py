"""What may be said of an exception. Ours have words that we made; what another says could hold anything: a
row, an answer of a model, a password. Of those the class alone is told, and where in the code they were
raised.

Whatever of an exception goes into a log line, a stored reason, a header, an answer or the last line of a
command passes here; `tests/unit/test_told.py` looks that it does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

OURS: Final = frozenset({"services", "shared", "soulprint"})
FRAMES: Final = 8
"""Most places that are told of an exception's way through the code, the last ones."""
_ROOT: Final = str(Path(__file__).resolve().parents[2]) + os.sep
_LIBRARIES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def told(error: BaseException) -> str:
    """The words of an error of ours; of another its class, and where it was raised. A group is told as its
    first."""
    first = first_of(error)
    if is_ours(first):
        return str(first)
    place = place_of(first) or place_of(error)
    return f"{type(first).__name__} at {place}" if place else type(first).__name__


def told_by_name(error: BaseException) -> str:
    """The same, the class always first: for who has to find the kind of trouble in a line."""
    first = first_of(error)
    return f"{type(first).__name__}: {first}" if is_ours(first) else told(error)


def first_of(error: BaseException) -> BaseException:
    """The first error in a task group's, however deep it lies; of no group, itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def is_ours(error: BaseException) -> bool:
    """Whether its class is one of SoulPrint's, or of theirs."""
    return any(each.__module__.partition(".")[0] in OURS for each in type(error).__mro__)


def place_of(error: BaseException) -> str:
    """File and line: the last one of ours that it came through, else where it was raised; empty if it came
    through none."""
    lines = _lines(error.__traceback__)
    ours = [place for place, _ in lines if place.split("/", 1)[0] in OURS]
    return (ours or [place for place, _ in lines] or [""])[-1]


def way_of(error: BaseException) -> Sequence[str]:
    """Its way through the code, the last places: file, line and function. Of a group, the first error's goes
    on."""
    lines = _lines(error.__traceback__)
    if (first := first_of(error)) is not error:
        lines += _lines(first.__traceback__)
    return [f"{place} {name}" for place, name in lines[-FRAMES:]]


def shown_path(file: str) -> str:
    """A file of code as it stands in its package: where that is installed may name a person."""
    if file.startswith(_ROOT):
        inside = file[len(_ROOT) :]
        if inside.split(os.sep, 1)[0] in OURS:
            return inside.replace(os.sep, "/")
    for folder in _LIBRARIES:
        if folder in file:
            return file.rpartition(folder)[2].replace(os.sep, "/")
    return "/".join(file.split(os.sep)[-2:])


def _lines(traceback: TracebackType | None) -> list[tuple[str, str]]:
    """File and line, and function, of each frame; no source is read for it."""
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append((f"{shown_path(code.co_filename)}:{traceback.tb_lineno}", code.co_name))
        traceback = traceback.tb_next
    return found
