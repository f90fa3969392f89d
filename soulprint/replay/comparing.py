"""`soulprint replay compare`: what a pipeline made of what it was fed, beside what was made of it before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from services.router.judging.comparison import PairFigures, compare_pairs
from services.router.judging.words import percent
from shared.domain.plurals import counted, listed
from shared.settings import load_settings
from shared.store.open import opened_store
from soulprint.blocks import block
from soulprint.canary.tables import pairs_table
from soulprint.moments import moment_ago
from soulprint.replay.feeding import pipeline_named
from soulprint.terminal import say, say_json

SHOWN = 5
"""So many ids are printed of each kind; --json has more."""
LAST = timedelta(days=30)
"""As long as the log keeps imports."""


def compare_command(pipeline: str, since: str | None, *, as_json: bool) -> None:
    """Print the comparison of runs that were fed since, by default within the last 30 days."""
    settings = load_settings()
    name, now = pipeline_named(pipeline), datetime.now(UTC)
    begun = now - LAST if since is None else moment_ago(since, now)

    async def read() -> tuple[Mapping[str, int], PairFigures]:
        async with opened_store(settings, connections=2) as store:
            return await store.count_fed(name), compare_pairs(await store.read_fed_pairs(name, begun))

    states, pairs = asyncio.run(read())
    if as_json:
        found = {"pipeline": name, "since": begun, "runs": states, **_as_json(pairs)}
        say_json(found, indent=True)
        return
    say(*_told(name, states, pairs))


def _told(name: str, states: Mapping[str, int], pairs: PairFigures) -> list[str]:
    if not states:
        return [block(f"nothing was fed to {name} yet: `soulprint replay feed --pipeline {name} --since 7d`")]
    runs = listed([f"{count:,} {state}" for state, count in states.items()])
    lines: list[str] = [block(f"runs that were fed to {name}: {runs}")]
    if not pairs.pairs:
        return [*lines, "none of them has ended beside the run that it was fed from"]
    success = "" if pairs.shadow_success is None else f"; success in {name} {percent(pairs.shadow_success)}"
    lines.append(
        block(
            f"{counted(pairs.pairs, 'pair')} of a run that is served and its run in {name}: "
            f"{pairs.both_complete:,} both complete, {pairs.only_v1:,} only what is served, "
            f"{pairs.only_shadow:,} only {name}, {pairs.neither:,} neither{success}"
        )
    )
    lines += pairs_table(pairs, ("served", name))
    for what, ids in (
        (f"failed in {name} alone", pairs.failed_in_shadow),
        ("fewer sections", pairs.fewer_sections),
    ):
        if ids:
            lines += [f"{what}:", *(f"  {each}" for each in ids[:SHOWN])]
            lines += ["  ... more in --json"] * (len(ids) > SHOWN)
    return lines


def _as_json(pairs: PairFigures) -> dict[str, Any]:
    """As the canary's comparison, in which what is served is v1."""
    figures = {
        name: {
            "served": each.v1,
            "fed": each.shadow,
            "fed_more": each.shadow_more,
            "equal": each.equal,
            "fed_less": each.shadow_less,
        }
        for name, each in pairs.figures.items()
    }
    renamed = {
        name.replace("v1", "served").replace("shadow", "fed"): value for name, value in asdict(pairs).items()
    }
    return renamed | {"figures": figures}
