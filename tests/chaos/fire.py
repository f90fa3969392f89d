"""What every storm over imports asks in the end: all ended, whole, and nothing is left lying about."""

from __future__ import annotations

import sys
from collections import Counter
from uuid import UUID

import asyncpg

from shared.domain.events import ImportReceived
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.exports.plants import markers_in
from tests.exports.truth import Truth
from tests.support.audit import READERS, Audit
from tests.support.services import Setting, reasons
from tests.support.waiting import until

END_SECONDS = 120.0
"""How long an import may take to end once all is well again."""


def say(text: str) -> None:
    """For `make chaos`, which shows what tests print."""
    sys.stdout.write(f"{text}\n")


async def patiently_audited(audit: Audit) -> list[str]:
    """Kafka and the database may be on their way back."""
    found: list[list[str]] = []

    async def audited() -> bool:
        """Kafka and the database answer"""
        try:
            found.append(await audit.unfinished())
        except Exception:
            return False
        return True

    await until(audited, 60)
    return found[-1]


async def run_of(store: Store, event: ImportReceived) -> RunRow | None:
    """The import's run; None before it is taken."""
    return next(iter(await store.list_runs(event.import_id, limit=1)), None)


async def run_ended(store: Store, event: ImportReceived, seconds: float = END_SECONDS) -> RunRow:
    """The import's run once it has ended."""
    found: list[RunRow] = []

    async def ends() -> bool:
        """the import ends"""
        run = await run_of(store, event)
        found[:] = [run] if run is not None and run.ended else []
        return bool(found)

    await until(ends, seconds)
    return found[0]


async def every_planted_fact_is_there_once(setting: Setting, event: ImportReceived, truth: Truth) -> None:
    """None is lost, none doubled, and every chunk was read."""
    await planted_once(setting.database, event.import_id, truth)


async def planted_once(database: str, import_id: UUID, truth: Truth) -> None:
    """The same, of an import in this database."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "SELECT statement, quote, message_ids, chunk_index FROM facts WHERE import_id = $1",
            import_id,
        )
        results = await connection.fetch(
            "SELECT status, count(*) FROM chunk_results WHERE import_id = $1 GROUP BY status", import_id
        )
    finally:
        await connection.close()
    planted = {(each.marker.lower(), each.message_id) for each in truth.planted}
    times = Counter(
        (marker, message)
        for row in rows
        for marker in markers_in(f"{row['statement']} {row['quote']}")
        for message in row["message_ids"]
    )
    assert len(planted) > truth.conversations // 2
    assert {key for key in planted if times[key] == 0} == set(), "facts are lost"
    assert {key: times[key] for key in planted if times[key] > 1} == {}, "facts are doubled"
    same = Counter((row["statement"], row["quote"], tuple(row["message_ids"])) for row in rows)
    assert {key: count for key, count in same.items() if count > 1} == {}, "rows are doubled"
    assert [row["status"] for row in results] == ["ok"]


async def all_caught_up(audit: Audit, seconds: float = END_SECONDS) -> None:
    """Return when every group has committed all of its topic; fail with the names of those that have not."""
    lag: dict[str, int] = {}

    async def caught_up() -> bool:
        lag.clear()
        lag.update(await audit.lag())
        return not lag

    try:
        await until(caught_up, seconds)
    except AssertionError:
        behind = ", ".join(f"{READERS[name]} by {count} of {name}" for name, count in lag.items())
        raise AssertionError(f"not all is committed after {seconds:g} s: {behind}") from None


async def swept(setting: Setting) -> bool:
    """the sweeper removes memories that are committed"""
    connection = await asyncpg.connect(setting.database)
    try:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM memory_outbox)")
    finally:
        await connection.close()


async def nothing_is_left_over(setting: Setting) -> None:
    """With every service stopped: no lease, no unfinished run, no memory on its way, no dead letter."""
    connection = await asyncpg.connect(setting.database)
    try:
        leases = await connection.fetch("SELECT * FROM leases")
        unfinished = await connection.fetch(
            "SELECT import_id, state FROM imports WHERE lease_owner IS NOT NULL "
            "OR state NOT IN ('complete', 'failed', 'cancelled')"
        )
        outbox = await connection.fetch("SELECT import_id FROM memory_outbox")
    finally:
        await connection.close()
    assert (leases, unfinished, outbox) == ([], [], [])
    for name in READERS:
        assert await reasons(setting, name) == []
