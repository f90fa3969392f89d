"""Who turns a replay, and why, where a reason is no must."""

from __future__ import annotations

from soulprint.canary.asked import Asked, asked_by


def perhaps_why(by: str | None, reason: str, *, as_json: bool) -> Asked:
    """Raises UsageError for what nobody would read."""
    if reason.strip():
        return asked_by(by, reason, as_json=as_json)
    return Asked(asked_by(by, "none").by, "", as_json)
