"""`soulprint canary thresholds`: the numbers by which a lane is judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from services.router.judging.thresholds import Thresholds, thresholds_of
from shared.domain.errors import UsageError
from shared.settings import load_settings
from shared.store.routing import Policy
from soulprint.asked import Asked
from soulprint.canary.changing import change_command
from soulprint.canary.reached import policy_store
from soulprint.terminal import say, say_fitted, say_json
from soulprint.wording import said


def show_thresholds(*, as_json: bool) -> None:
    """Print every threshold; what the policy says otherwise is marked."""

    async def read() -> Policy:
        async with policy_store(load_settings()) as store:
            return await store.read_policy()

    policy = asyncio.run(read())
    thresholds, wrong = thresholds_of(policy.thresholds)
    values = asdict(thresholds)
    if as_json:
        say_json({"thresholds": values, "replaced": sorted(policy.thresholds), "wrong": wrong})
        return
    width = max(map(len, values))
    said_so = () if wrong else policy.thresholds
    lines = [
        f"{name:<{width}}  {_shown(value)}{'  (the policy says so)' if name in said_so else ''}"
        for name, value in values.items()
    ]
    say(*lines)
    if wrong:
        say_fitted(f"{said(wrong)} Those above hold instead.")


def thresholds_command(settings: Sequence[str], asked: Asked) -> int:
    """Replace thresholds, `enough=50` or `shares=[500,10000]`; `enough=` takes the replacement back."""
    given = dict(map(_given, settings))

    def plan(policy: Policy) -> Mapping[str, Any]:
        wanted = {name: value for name, value in {**policy.thresholds, **given}.items() if value is not None}
        Thresholds.of(wanted)
        return {"thresholds": wanted}

    def told(_: Policy, after: Policy) -> list[str]:
        named = ", ".join(f"{name} {_shown(value)}" for name, value in sorted(after.thresholds.items()))
        return [
            f"Lanes are judged with {said(named) or 'the thresholds as they come'} (policy {after.version})."
        ]

    return change_command(plan, told, asked)


def _given(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text[:60]!a} is no NAME=VALUE, like enough=50")
    if not value.strip():
        return name.strip(), None
    try:
        return name.strip(), orjson.loads(value)
    except orjson.JSONDecodeError:
        raise UsageError(
            f"{text[:60]!a}: the value is a number, or a list of them like [500,10000]"
        ) from None


def _shown(value: Any) -> str:
    return ", ".join(f"{each:g}" for each in value) if isinstance(value, list | tuple) else f"{value:g}"
