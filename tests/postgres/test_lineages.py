"""Of which lineage an account is, and what a run joins when it is claimed."""

from __future__ import annotations

import json

import asyncpg
import pytest

from shared.domain.sample import SampleConversation
from shared.store.chunks import Chunking, ReadAccount
from shared.store.store import Store
from tests.support.lineages import CHATGPT, CLAUDE, Run, import_named, imported, joined, known, lineages
from tests.support.records import ANNA
from tests.support.runs import begin_run


async def test_the_facts_of_other_lineages_stand_beside_a_runs_own_once_it_is_claimed(store: Store) -> None:
    await imported(store, "chatgpt", (CHATGPT, ["a1", "a2"]))
    claude = Run(store, "claude")
    await claude.read((CLAUDE, ["k1"]))
    assert await claude.conversations() == ["k1"]
    assert await claude.claim() == 1
    assert await claude.conversations() == ["a1", "a2", "k1"]
    assert await claude.claim() == 1, "claimed again, it joins the same"
    report = await claude.report()
    assert (lineages(report), joined(report)) == (["claude-old"], ["chatgpt-old"])
    assert report.facts_extracted == 1, "its own"
    assert (await claude.commit()).written
    listed = await store.list_facts(ANNA)
    assert [fact.account and fact.account.lineage for fact in listed] == [
        "chatgpt-old" if fact.conversation_id.startswith("a") else "claude-old" for fact in listed
    ]
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert profile.lineages == ("chatgpt-old", "claude-old")


async def test_who_has_one_account_joins_nothing(store: Store) -> None:
    await imported(store, "first", (CHATGPT, ["a1", "a2"]))
    run = Run(store, "again")
    await run.read((CHATGPT, ["a1", "a2", "a3"]))
    assert await run.claim() == 0
    assert (await run.report()).joined == ()
    assert await run.conversations() == ["a1", "a2", "a3"]


async def test_a_fact_of_several_accounts_is_one_whichever_was_imported_first(
    store: Store, sql: asyncpg.Connection
) -> None:
    told = []
    for order in ([CHATGPT, CLAUDE], [CLAUDE, CHATGPT]):
        await sql.execute(
            "TRUNCATE imports, facts, lineages, conversation_runs, served_memories, chunk_results"
        )
        for account in order:
            await imported(store, account.vendor, (account, ["c1", f"own of {account.vendor}"]))
        facts = await store.list_facts(ANNA)
        told.append(facts)
        (shared,) = [fact for fact in facts if fact.conversation_id == "c1"]
        assert shared.account is not None
        assert shared.account.lineage == "chatgpt-old"
        assert shared.lineages == ("chatgpt-old", "claude-old")
    assert told[0] == told[1]
    assert len(told[0]) == 3


@pytest.mark.parametrize(
    ("first", "then", "same"),
    [
        (CHATGPT, CHATGPT, True),
        (CHATGPT, ReadAccount("chatgpt", None, "chatgpt-other", conversations=3), True),
        (CHATGPT, known("chatgpt", "chatgpt-ana"), True),
        (known("chatgpt", "chatgpt-ana"), ReadAccount("chatgpt", None, "chatgpt-h", conversations=3), True),
        (known("chatgpt", "chatgpt-ana"), known("chatgpt", "chatgpt-ana"), True),
        (known("chatgpt", "chatgpt-ana"), known("chatgpt", "chatgpt-work"), False),
        (CHATGPT, ReadAccount("open-webui", None, "open-webui-h", conversations=2), False),
    ],
)
async def test_which_lineage_an_export_is_of_its_account_tells_or_what_it_shows(
    store: Store, first: ReadAccount, then: ReadAccount, same: bool
) -> None:
    earlier = await imported(store, "first", (first, ["a1", "a2"]))
    later = Run(store, "then")
    found = lineages(await later.read((then, ["a1", "a2", "a3"])))
    assert (found == lineages(await earlier.report())) is same
    await later.commit()
    third = Run(store, "third")
    assert lineages(await third.read((then, ["a1", "a2", "a3"]))) == found, "and stays so"


async def test_an_account_that_shows_little_of_a_history_is_another(store: Store) -> None:
    await imported(
        store, "first", (ReadAccount("chatgpt", None, "one", conversations=5), [f"a{n}" for n in range(5)])
    )
    other = ReadAccount("chatgpt", None, "other", conversations=5)
    found = await Run(store, "then").read((other, ["a0", "b1", "b2", "b3", "b4"]))
    assert lineages(found) == ["other"]


async def test_a_file_without_an_account_that_continues_one_with_is_that_one(store: Store) -> None:
    loose = ReadAccount("chatgpt", None, "loose", same_as=1, conversations=1)
    report = await Run(store, "both").read((loose, ["a1"]), (known("chatgpt", "chatgpt-ana"), ["a2"]))
    assert lineages(report) == ["chatgpt-ana", "chatgpt-ana"]


async def test_the_same_export_under_two_names_is_two_lineages_and_every_fact_once(store: Store) -> None:
    await imported(store, "work", (CHATGPT, ["a1", "a2"]), lineage="work")
    run = await imported(store, "home", (CHATGPT, ["a1", "a2"]), lineage="home")
    assert (lineages(await run.report()), joined(await run.report())) == (["home"], ["work"])
    facts = await store.list_facts(ANNA)
    assert [fact.lineages for fact in facts] == [("home", "work")] * 2
    assert await run.conversations() == ["a1", "a2"]


async def test_what_a_memory_rests_on_is_told_of_all_in_an_order_of_its_own(store: Store) -> None:
    def rich(name: str, said: int, account: int = 0) -> SampleConversation:
        return SampleConversation(name, name, None, said, ("words",), account)

    broken = {"file": "a.zip/conversations.json", "place": "byte 9", "reason": "it ends"}
    chatgpt = ReadAccount(
        "chatgpt", None, "chatgpt-old", conversations=2, messages=4, chunks=1, breaks=[broken]
    )
    await imported(store, "claude", (CLAUDE, ["k1"]), sample=[rich("k1", 30), rich("c0", 5)])
    run = Run(store, "chatgpt")
    await run.read((chatgpt, ["a1"]), sample=[rich("a1", 40), rich("c0", 6), rich("a2", 1)])
    await run.claim()
    found = await store.read_joined(run.import_id, 1, 3)
    assert found is not None
    assert [part.lineage for part in found.parts] == ["chatgpt-old", "claude-old"]
    assert [part.conversations for part in found.parts] == [2, 1]
    assert [part.breaks for part in found.parts] == [[broken], []]
    assert [(each.id, each.person_characters) for each in found.sample] == [("a1", 40), ("k1", 30), ("c0", 6)]
    assert await store.read_joined(import_named("unknown"), 1, 3) is None


async def test_of_too_many_lineages_the_next_one_fails_its_run_and_says_why(
    store: Store, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "INSERT INTO lineages (user_id, lineage, vendor, import_id, run) "
        "SELECT $1, n::text, '', gen_random_uuid(), 1 FROM generate_series(1, 64) n",
        ANNA,
    )
    run = Run(store, "one more")
    await begin_run(store, run.import_id, ANNA, "/a.zip", "v2")
    finished = await store.finish_chunking(run.import_id, 1, Chunking(total=0, accounts=[CHATGPT]))
    assert finished.ignored == "failed"
    report = await run.report()
    assert report.error is not None
    assert "too many lineages" in report.error["message"]
    assert await sql.fetchval("SELECT count(*) FROM lineages") == 64
    under = Run(store, "under a name that there is")
    assert lineages(await under.read((CHATGPT, ["a1"]), lineage="7")) == ["7"]


async def test_lineages_of_which_nothing_is_served_leave_room_for_others(
    store: Store, sql: asyncpg.Connection
) -> None:
    """As of imports that were cancelled: each notes what it was of."""
    await sql.execute(
        "INSERT INTO lineages (user_id, lineage, vendor) "
        "SELECT $1, n::text, '' FROM generate_series(1, 64) n",
        ANNA,
    )
    run = await imported(store, "one more", (CHATGPT, ["a1"]))
    assert lineages(await run.report()) == ["chatgpt-old"]


NEVER_LOOKED_AT = """
SET LOCAL allow_system_table_mods = on;
DELETE FROM pg_statistic WHERE starelid = 'facts'::regclass;
UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'facts'::regclass;
"""
"""As a table is that was filled a moment ago."""


async def test_to_show_a_fact_costs_no_reading_of_all_the_others(
    store: Store, sql: asyncpg.Connection
) -> None:
    run = await imported(store, "chatgpt", (CHATGPT, [f"a{number}" for number in range(600)]))
    run = await imported(store, "claude", (CLAUDE, [f"k{number}" for number in range(600)]))
    assert len((await run.report()).joined) == 1
    page = json.dumps({"user_id": str(ANNA), "limit": 1000})
    async with sql.transaction():
        await sql.execute(NEVER_LOOKED_AT)
        (told,) = json.loads(
            await sql.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT list_facts('{page}')")
        )
    assert told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"] < 20 * 1000
