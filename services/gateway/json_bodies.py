"""What a JSON body must be before anything reads it.

A framework takes NaN, 1e400 and lone surrogates for values, and cannot write the answer that repeats them; of
10,000 levels it makes a RecursionError. What is no JSON at all is not told here: that answer is the route's.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

MOST_LEVELS: Final = 64
"""Of objects and lists in one another. No request of ours has more than three."""
_BRACKETS = re.compile(rb"[\[{]|[\]}]")
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _NotTakenError(Exception):
    """Why it is not; it holds no word of the body."""


def why_not_taken(body: bytes, *, once: bool = False) -> str:
    """Why a body is not taken, whatever its fields say; empty if it is, or is no JSON. `once`: an object that
    names a field twice is not, since two readers could understand two things by it."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "the body is not UTF-8"
    if "\0" in text:
        return "the body holds a NUL: it is not UTF-8, or no JSON"
    if _is_deep(body):
        return f"the body has more than {MOST_LEVELS} levels"
    try:
        value = json.loads(
            text,
            parse_constant=_no_number,
            parse_float=_finite,
            object_pairs_hook=_each_once if once else None,
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except _NotTakenError as why:
        return str(why)
    except UnicodeEncodeError:
        return "the body holds half a character (a lone surrogate)"
    except json.JSONDecodeError:
        return ""
    except ValueError:  # of Python's own bounds: an integer of more than 4,300 digits
        return "the body holds a number that is out of range"
    return ""


def _is_deep(body: bytes) -> bool:
    """Whether it has too many levels, in one pass over the bytes, whether it is JSON or not."""
    if body.count(b"[") + body.count(b"{") <= MOST_LEVELS:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(_TEXT.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MOST_LEVELS:
            return True
    return False


def _no_number(_: str) -> None:
    raise _NotTakenError("the body holds NaN or Infinity, which are not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _NotTakenError("the body holds a number that is out of range")
    return number


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotTakenError("the body names a field twice")
    return found
