"""W3C trace context: what is published while a record is in work goes on with its trace."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

current_trace: ContextVar[str | None] = ContextVar("current_trace", default=None)
"""The traceparent of the record in work."""


def next_traceparent(parent: str | None) -> str:
    """A new span: in `parent`'s trace if that is one, else in a new trace."""
    match = _TRACEPARENT.fullmatch(parent) if parent else None
    trace = match[1] if match else secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-01"
