"""A policy, and what became of it, in the words of ops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.router.judging.words import share_of
from shared.store.routing import Policy, PolicyVersion
from soulprint.wording import at, said


def who(policy: Policy | PolicyVersion) -> str:
    """Who made a policy what it is."""
    return said(policy.changed_by) or "somebody by hand"


def why(policy: Policy | PolicyVersion) -> str:
    """Why it was made so."""
    return said(policy.reason) or "no reason was given"


def differences(before: Policy, after: Policy) -> list[str]:
    """What another policy says otherwise: `share 10 % -> 50 %`."""
    found = []
    for name in Policy.model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old != new and name not in ("version", "entered_at", "changed_by", "changed_at", "reason"):
            found.append(f"{name} {_value(name, old)} -> {_value(name, new)}")
    return found


def _value(name: str, value: Any) -> str:
    if name in ("share", "shadow"):
        return share_of(int(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, dict):
        return said(", ".join(f"{key}={each}" for key, each in value.items())) or "as they come"
    return "none" if value is None else said(str(value))


def told_version(version: PolicyVersion, before: PolicyVersion | None) -> str:
    """A change in a line: what, who, when, why."""
    what = ", ".join(differences(before.policy, version.policy)) if before else ""
    if before is None and version.version == 1:
        what = f"share {share_of(version.policy.share)}"
    by = f"by {who(version)} at {at(version.changed_at)}: {why(version)}"
    return f"policy {version.version}: {what or 'as it was'}; {by}"


def told_versions(newest_first: Sequence[PolicyVersion], after: int) -> list[str]:
    """The changes that came after a version, in their order."""
    older = [*newest_first[1:], None]
    lines = [
        told_version(each, was) for each, was in zip(newest_first, older, strict=True) if each.version > after
    ]
    return lines[::-1]
