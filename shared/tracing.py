"""W3C trace context: what is published while a record is in work goes on with its trace."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

_TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_SAMPLED = 0x01

current_trace: ContextVar[str | None] = ContextVar("current_trace", default=None)
"""The traceparent of the record in work."""


def next_traceparent(parent: str | None) -> str:
    """A new span: in `parent`'s trace, sampled if that is, where it is valid by
    https://www.w3.org/TR/trace-context/#traceparent-header; else in a new trace, which is sampled."""
    trace, flags = secrets.token_hex(16), _SAMPLED
    match = _TRACEPARENT.fullmatch(parent) if parent else None
    if match and not (match["version"] == "00" and match["more"]):  # a later version may say more
        trace, flags = match["trace"], int(match["flags"], 16) & _SAMPLED
    return f"00-{trace}-{secrets.token_hex(8)}-{flags:02x}"
