"""Exports made to do harm, a few of each kind and small: each ends in a reason or in a memory, and what is
said of it is for print. tests/chaos/test_hostile_exports.py has all, as large as makes their point."""

from __future__ import annotations

import asyncpg

from shared.store.store import Store
from tests.exports.hostile import CASES, corpus
from tests.support.hostile_exports import through
from tests.support.local import LocalSetting
from tests.support.ops import CommandOf
from tests.support.services import HOSTED, hosted

COUNT = 60
MOST = 12 * 1024
SECONDS = 60.0


async def test_each_ends_in_a_reason_or_in_a_memory(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, command_of: CommandOf
) -> None:
    exports = corpus(seed=1, count=COUNT, most=MOST)
    assert {each.case.kind for each in exports} >= {each.kind for each in CASES}
    async with hosted(setting, HOSTED):
        outcomes = await through(setting, store, sql, exports, at_a_time=8, seconds=SECONDS)
    bad = [each for each in outcomes if each.state not in ("complete", "failed") or each.unprintable]
    assert not bad, "\n".join(f"{each} {each.unprintable}" for each in bad)
    assert all(each.reason for each in outcomes if each.state == "failed")
    assert sum(each.state == "complete" for each in outcomes) > COUNT // 2
    shown = command_of(setting)("status")
    assert shown.code == 0, shown.err
    assert all(line.isprintable() for line in (shown.out + shown.err).split("\n"))
