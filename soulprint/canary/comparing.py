"""`soulprint canary compare`: the lanes, and v1 beside its shadow. Figures and ids, no text."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from services.router.judging.comparison import LaneFigures, PairFigures, compare_lanes, compare_pairs
from services.router.judging.thresholds import thresholds_of
from services.router.judging.words import percent
from shared.domain.plurals import counted
from shared.settings import load_settings
from soulprint.blocks import block
from soulprint.canary.reached import policy_store
from soulprint.canary.tables import NARROWEST, WIDEST, lanes_table, pairs_table
from soulprint.moments import moment_ago
from soulprint.terminal import say, say_json
from soulprint.wording import at

SHOWN = 5
"""So many ids are printed of each kind; --json has more."""


def compare_command(since: str | None, *, as_json: bool) -> None:
    """Print the comparison of runs that were decided on since, by default since the step was entered."""
    asked = None if since is None else moment_ago(since, datetime.now(UTC))
    begun, lanes, pairs = asyncio.run(_read(asked))
    if as_json:
        found = {"since": begun, "lanes": [asdict(each) for each in lanes], "pairs": pairs.as_json()}
        say_json(found, indent=True)
        return
    width = max(NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))
    say(f"since {at(begun)}", *lanes_table(lanes, width), "", *_pairs(pairs, width))


async def _read(since: datetime | None) -> tuple[datetime, Sequence[LaneFigures], PairFigures]:
    async with policy_store(load_settings()) as store:
        policy = await store.read_policy()
        thresholds, _ = thresholds_of(policy.thresholds)
        since = since or policy.entered_at
        outcomes = await store.read_outcomes(since, thresholds.stuck_seconds)
        return since, compare_lanes(outcomes), compare_pairs(await store.read_pairs(since))


def _pairs(pairs: PairFigures, width: int) -> list[str]:
    if not pairs.pairs:
        none = "no pair of a v1 run and its shadow has ended since: `canary shadow 10` has shadow runs made"
        return [block(f"{none}; --since 7d looks further back", width=width)]
    success = "" if pairs.shadow_success is None else f"; success in shadow {percent(pairs.shadow_success)}"
    head = (
        f"{counted(pairs.pairs, 'pair')} of a v1 run and its shadow: {pairs.both_complete:,} both complete, "
        f"{pairs.only_v1:,} only v1, {pairs.only_shadow:,} only shadow, {pairs.neither:,} neither{success}"
    )
    lines = [block(head, width=width), *pairs_table(pairs)]
    for what, ids in (
        ("failed in shadow alone", pairs.failed_in_shadow),
        ("fewer sections", pairs.fewer_sections),
    ):
        if ids:
            lines += [f"{what}:", *(f"  {each}" for each in ids[:SHOWN])]
            lines += ["  ... more in --json"] * (len(ids) > SHOWN)
    return lines
