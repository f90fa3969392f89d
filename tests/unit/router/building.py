"""Policies and outcomes as the database tells them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from shared.store.routing import Made, Outcome, Pair, Policy

ENTERED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_ids = count(1)


def after(seconds: float) -> datetime:
    """So long after the step was entered."""
    return ENTERED + timedelta(seconds=seconds)


def policy(**fields: Any) -> Policy:
    given: dict[str, Any] = {
        "version": 4,
        "mode": "auto",
        "share": 1000,
        "shadow": 0,
        "passthrough": False,
        "frozen": False,
        "salt": "canary",
        "entered_at": ENTERED,
        "changed_at": ENTERED,
    }
    return Policy(**(given | fields))


def outcome(state: str = "complete", *, at: float = 60, took: float = 30, **fields: Any) -> Outcome:
    """A run of v2 that was decided on and begun `at`, and ended after `took`; at work where it has no end."""
    ends = state in ("complete", "failed")
    given: dict[str, Any] = {
        "import_id": UUID(int=next(_ids)),
        "run": 1,
        "lane": "v2",
        "reason": "share",
        "policy_version": 4,
        "decided_at": after(at),
        "begun_at": after(at),
        "state": state,
        "ended_at": after(at + took) if ends else None,
        "at_fault": False,
        "failed_at": "extractor" if state == "failed" else None,
        "was_stuck": False,
        "seconds": took if ends else None,
        "chunks": 10,
        "cached": 0,
        "coverage": 1.0 if state == "complete" else None,
        "cost": 0.02,
        "conversations": 100,
    }
    return Outcome(**(given | fields))


def outcomes(complete: int, failed: int = 0, *, spread: float = 600, **fields: Any) -> list[Outcome]:
    """Runs that ended one after the other, failures spread evenly among them."""
    both = complete + failed
    bad = {(2 * i + 1) * both // (2 * failed) for i in range(failed)}
    return [
        outcome("failed" if i in bad else "complete", at=spread * (i + 1) / both, **fields)
        for i in range(both)
    ]


def made(state: str = "complete", **fields: Any) -> Made:
    given: dict[str, Any] = {
        "import_id": UUID(int=next(_ids)),
        "run": 1,
        "pipeline": "v2",
        "state": state,
        "facts": 40,
        "sections": 5,
        "memory_characters": 9000,
        "tokens": 5000,
        "seconds": 60.0,
        "cost": 0.05,
        "coverage": 1.0,
    }
    return Made(**(given | fields))


def pair(v1: Made, shadow: Made) -> Pair:
    return Pair(import_id=v1.import_id, run=1, user_id=UUID(int=1), v1=v1, shadow=shadow)


def pairs(these: Iterable[tuple[str, str]]) -> list[Pair]:
    """Pairs by the states of v1 and of the shadow."""
    return [pair(made(one, facts=0, pipeline="v1"), made(other)) for one, other in these]
