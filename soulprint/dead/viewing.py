"""A record without a person's words: what it is made of, with ids, times, numbers and words that are ours.

What it holds may be anybody's, an event or not. So nothing is shown because of where it stands alone: a text
is shown only if it has the form of what belongs there and can say nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import orjson

from shared.domain.printable import on_one_line
from shared.log.burials import EVENTS
from shared.log.deadletter import HEADERS, LEFT_OUT

MOST_ITEMS = 50
"""Of a list or an object that are shown."""
DEEPEST = 12
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_HASH: Final = re.compile(r"[0-9a-f]{16,128}")
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "role": frozenset({"user", "assistant"}),
    "status": frozenset({"ok", "dead"}),
    "priority": frozenset({"live", "replay"}),
    "kind": frozenset({"primary", "quick", "fallback", "shadow"}),
    "category": frozenset({"preferences", "projects", "dates", "beliefs", "decisions"}),
}
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "pipeline": re.compile(r"v[0-9]{1,3}"),
    "content_hash": _HASH,
}
_TIMES: Final = frozenset({"requested_at", "created_at", "stated_at", "valid_from", "valid_until"})
_HEADERS: Final[Mapping[str, re.Pattern[str]]] = {
    "ce_specversion": re.compile(r"[0-9.]{1,8}"),
    "ce_id": _UUID,
    "ce_type": re.compile(r"soulprint\.[a-z-]{1,40}\.v[0-9]{1,6}"),
    "ce_source": re.compile(r"/soulprint/v[0-9]{1,3}/[a-z]{1,20}"),
    "ce_time": _TIME,
    "ce_importid": _UUID,
    "ce_userid": _UUID,
    "ce_run": _NUMBER,
    "ce_priority": re.compile("live|replay"),
    "content-type": re.compile(r"application/json"),
    "traceparent": re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
    "dlq_id": _UUID,
    "dlq_reason": _WORD,
    "dlq_error_class": _WORD,
    "dlq_attempts": _NUMBER,
    "dlq_stage": _WORD,
    "dlq_topic": re.compile(r"[A-Za-z0-9._-]{0,40}[a-z]+\.[a-z]+(\.v[0-9]{1,3})?"),
    "dlq_partition": _NUMBER,
    "dlq_offset": _NUMBER,
    "dlq_timestamp": _NUMBER,
    "dlq_at": _TIME,
    LEFT_OUT: re.compile(r"null|left out: the record is too large"),
}
_ERROR: Final = "dlq_error"
"""What we wrote there holds no text of a person, whatever the record holds (shared.log.deadletter)."""
_MOST_ERROR: Final = 1000
assert HEADERS.keys() <= {*_HEADERS, _ERROR}  # noqa: S101 - each has a form


def headers_without_text(headers: Sequence[tuple[str, bytes | None]]) -> list[tuple[str, str]]:
    """Names and values of the headers that are ours, of others how long they are."""
    return [_header(name, value) for name, value in headers[:MOST_ITEMS]]


def _header(name: str, value: bytes | None) -> tuple[str, str]:
    if value is None:
        shown = "null"
    elif name == _ERROR:
        shown = on_one_line(value.decode("utf-8", "replace")[:_MOST_ERROR])
    else:
        text = value.decode("ascii", "replace")
        form = _HEADERS.get(name)
        shown = text if form is not None and form.fullmatch(text) else f"<{len(value):,} bytes>"
    known = name in _HEADERS or name == _ERROR
    return name if known else f"<name of {len(name):,} characters>", shown


def key_without_text(key: bytes | None) -> str:
    """The key, if it is an id."""
    if key is None:
        return "none"
    text = key.decode("ascii", "replace")
    return text if _UUID.fullmatch(text) else f"<{len(key):,} bytes>"


def value_without_text(value: bytes | None) -> Any:
    """The event, or whatever JSON there is, with `<12 characters>` for texts. Of what is no JSON its size."""
    if value is None:
        return "null"
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return f"<{len(value):,} bytes, not JSON>"
    return _shown("", body, 0)


def _shown(field: str, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value if _is_ours(field, value) else f"<{len(value):,} characters>"
    if isinstance(value, dict | list) and depth == DEEPEST:
        return f"<{len(value):,} inside>"
    if isinstance(value, dict):
        items = list(value.items())[:MOST_ITEMS]
        shown = {
            (name if name in _fields() else f"<name {number} of {len(name):,} characters>"): _shown(
                name, inner, depth + 1
            )
            for number, (name, inner) in enumerate(items)
        }
        return shown | _rest(len(value))
    if isinstance(value, list):
        of = [_shown(field, inner, depth + 1) for inner in value[:MOST_ITEMS]]
        return of if len(value) <= MOST_ITEMS else [*of, f"<{len(value) - MOST_ITEMS:,} more>"]
    if isinstance(value, bool) or value is None:
        return value
    return value if field in _fields() else "<a number>"


def _rest(length: int) -> dict[str, str]:
    return {"<more>": f"<{length - MOST_ITEMS:,} more>"} if length > MOST_ITEMS else {}


def _is_ours(field: str, text: str) -> bool:
    if _UUID.fullmatch(text):
        return True
    if field in _TIMES:
        return _TIME.fullmatch(text) is not None
    form = _FORMS.get(field)
    return text in _WORDS.get(field, ()) or (form is not None and form.fullmatch(text) is not None)


@cache
def _fields() -> frozenset[str]:
    """The names of all fields of all events."""
    names: set[str] = set()
    for event in EVENTS.values():
        schema = event.model_json_schema()
        for each in (schema, *schema.get("$defs", {}).values()):
            names.update(each.get("properties", ()))
    return frozenset(names)
