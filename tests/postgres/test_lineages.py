"""Lineages in the store: of which one an account is, what is joined at a claim, what a commit makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.store.chunks import Chunking, ReadAccount
from shared.store.profiles import Commit
from shared.store.runs import RunReport
from shared.store.store import Store
from tests.support.records import (
    ANNA,
    BORIS,
    MODEL,
    PROMPTS,
    SEED,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

CHATGPT = ReadAccount("chatgpt", None, "chatgpt-old", conversations=2, messages=4, chunks=1)
CLAUDE = ReadAccount("claude", None, "claude-old", conversations=1, messages=2, chunks=1)


def known(vendor: str, lineage: str, history: str = "", **read: Any) -> ReadAccount:
    """An account of which the export has an id."""
    return ReadAccount(vendor, lineage, history or f"{vendor}-history", **({"conversations": 2} | read))


def import_named(name: str) -> UUID:
    return uuid5(SEED, f"import {name}")


class Run:
    """One run of ANNA's, an account a chunk."""

    def __init__(self, store: Store, name: str, user_id: UUID = ANNA) -> None:
        self.store = store
        self.import_id = import_named(name)
        self.user_id = user_id
        self.run = 1

    async def read(
        self,
        *accounts: tuple[ReadAccount, Sequence[str]],
        lineage: str | None = None,
        replace: bool = False,
        requested_at: datetime | None = None,
        sample: Sequence[SampleConversation] = (),
        facts: str = "",
    ) -> RunReport:
        """Read accounts, each with a fact in each of its conversations; `facts` begins their names."""
        store, user = self.store, self.user_id
        if requested_at is None:
            asked = await store.request_run(
                self.import_id, user, "/a.zip", "v2", on_log=False, replace=replace, lineage=lineage
            )
            self.run = asked.run
        begun = await begin_run(store, self.import_id, user, "/a.zip", "v2", requested_at=requested_at)
        assert begun.run == self.run
        for number, (_, conversations) in enumerate(accounts):
            await store.save_chunks_batch(
                user,
                [PassageOf(name, account=number) for name in conversations],
                of_run=RunKey(self.import_id, self.run),
            )
            made = [fact_of(f"{facts}{name}", conversation_id=name) for name in conversations]
            result = result_of(
                number, made, import_id=self.import_id, run=self.run, user_id=user, account=number
            )
            await store.record_chunks([with_matter(result)], model=MODEL, prompt_version=PROMPTS)
        reading = Chunking(total=len(accounts), accounts=[account for account, _ in accounts], sample=sample)
        finished = await store.finish_chunking(self.import_id, self.run, reading)
        assert finished.ignored is None
        return await self.report()

    async def report(self) -> RunReport:
        report = await self.store.read_run(self.import_id, self.run)
        assert report is not None
        return report

    async def claim(self) -> int:
        claim = await self.store.claim_run(self.import_id, self.run, "me", 60)
        assert claim.claimed, claim.reason
        return claim.edition

    async def commit(self, edition: int | None = None, **memory: Any) -> Commit:
        if edition is None:
            edition = await self.claim()
        made = memory_of(self.run, import_id=self.import_id, user_id=self.user_id, edition=edition, **memory)
        return await commit(self.store, made)

    async def conversations(self) -> list[str]:
        """Where the facts are from that consolidation reads."""
        return sorted(fact.conversation_id for fact in await self.store.read_facts(self.import_id, self.run))


async def imported(store: Store, name: str, *accounts: tuple[ReadAccount, Sequence[str]], **how: Any) -> Run:
    run = Run(store, name)
    await run.read(*accounts, **how)
    committed = await run.commit()
    assert committed.written, committed.reason
    return run


def lineages(report: RunReport) -> list[str]:
    return [account.lineage for account in report.accounts]


def joined(report: RunReport) -> list[str]:
    return [account.lineage for account in report.joined]


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


async def test_two_imported_at_once_are_both_in_the_memory(store: Store) -> None:
    first, second = Run(store, "chatgpt"), Run(store, "claude")
    await first.read((CHATGPT, ["a1"]))
    await second.read((CLAUDE, ["k1"]))
    one, other = await first.claim(), await second.claim()
    assert (await second.commit(other)).written
    assert await first.commit(one) == Commit(written=False, reason="joining")
    assert (await first.report()).published_at is None
    assert await first.commit(one) == Commit(written=False, reason="repeated"), "delivered twice"
    assert not await store.mark_published(first.import_id, 1, one), "the one who made it comes late"
    (stalled,) = await store.find_stalled("v2", 0.0, owner="me", import_id=first.import_id)
    assert stalled.action == "consolidate"
    anew = await first.claim()
    assert await first.conversations() == ["a1", "k1"]
    assert await first.commit(one) == Commit(written=False, reason="repeated")
    assert (await first.commit(anew)).written
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {"a1", "k1"}
    served = (await first.report()).served
    assert served == RunKey(first.import_id, 1), "requested first, and served all the same"


async def test_within_a_lineage_an_older_run_never_takes_a_newer_ones_place(store: Store) -> None:
    older, newer = Run(store, "older"), Run(store, "newer")
    await older.read((CHATGPT, ["a1"]), facts="old ")
    await newer.read((CHATGPT, ["a1", "a2"]), facts="new ")
    await imported(store, "claude", (CLAUDE, ["k1"]))
    edition = await older.claim()
    assert (await newer.commit()).written
    assert await older.commit(edition) == Commit(written=False, reason="older")
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {"a1", "a2", "k1"}


async def test_of_a_run_of_two_lineages_that_part_counts_that_no_newer_run_has(store: Store) -> None:
    both, later = Run(store, "both"), Run(store, "later")
    await both.read((CHATGPT, ["a1"]), (CLAUDE, ["k1"]), facts="old ")
    await later.read((CHATGPT, ["a1", "a2"]), facts="new ")
    edition = await both.claim()
    assert (await later.commit()).written
    assert await both.commit(edition) == Commit(written=False, reason="joining")
    assert (await both.commit()).written
    told = {fact.statement for fact in await store.list_facts(ANNA)}
    assert told == {f"The person said {name}." for name in ("new a1", "new a2", "old k1")}
    again = await imported(store, "claude", (CLAUDE, ["k1", "k2"]))
    assert joined(await again.report()) == ["chatgpt-old"]
    assert await again.conversations() == ["a1", "a2", "k1", "k2"]


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


async def test_lineages_are_a_users_own(store: Store) -> None:
    await imported(store, "anna", (CHATGPT, ["a1"]), lineage="work")
    stranger = Run(store, "boris", BORIS)
    await stranger.read((CLAUDE, ["k1"]), lineage="work")
    assert (await stranger.commit()).written
    assert await stranger.conversations() == ["k1"]
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {"a1"}


async def test_a_smaller_export_is_judged_by_its_own_lineage(store: Store) -> None:
    many = [f"a{n}" for n in range(10)]
    chatgpt = ReadAccount("chatgpt", None, "chatgpt-old", conversations=10)
    await imported(store, "chatgpt", (chatgpt, many))
    await imported(store, "claude", (CLAUDE, ["k1"]))  # one fact beside ten: another account, not a loss
    less = Run(store, "less")
    await less.read((chatgpt, many[:2]))
    assert await less.commit() == Commit(written=False, reason="smaller")
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {*many, "k1"}
    third = await imported(store, "claude again", (CLAUDE, ["k1", "k2"]))
    assert len(await third.conversations()) == 12, "what is kept beside does not count"
    kept = await store.accept_memory(less.import_id)
    assert (kept.written, kept.reason) == (False, "apart"), "it would take the newer claude's part away"
    again = Run(store, "less")
    await again.read((chatgpt, many[:2]), replace=True)
    assert (await again.commit()).written
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {*many[:2], "k1", "k2"}


async def test_a_memory_kept_beside_has_the_other_lineages_too_once_it_is_accepted(store: Store) -> None:
    many = [f"a{n}" for n in range(10)]
    chatgpt = ReadAccount("chatgpt", None, "chatgpt-old", conversations=10)
    await imported(store, "chatgpt", (chatgpt, many))
    await imported(store, "claude", (CLAUDE, ["k1"]))
    less = Run(store, "less")
    await less.read((chatgpt, many[:2]))
    assert await less.commit() == Commit(written=False, reason="smaller")
    assert (await store.accept_memory(less.import_id)).written
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {*many[:2], "k1"}


async def test_an_accepted_memory_is_what_later_imports_join(store: Store) -> None:
    claude = await imported(store, "claude", (CLAUDE, ["k1"]))
    first = await imported(store, "first", (CHATGPT, ["a1"]))
    await imported(store, "second", (CHATGPT, ["a1", "a2"]))
    assert (await store.accept_memory(first.import_id)).written
    run = Run(store, "claude")
    await run.read((CLAUDE, ["k1"]))
    assert run.run == claude.run + 1
    await run.commit()
    assert await run.conversations() == ["a1", "k1"]


async def test_a_run_that_is_cancelled_or_fails_counts_for_nothing(store: Store) -> None:
    await imported(store, "chatgpt", (CHATGPT, ["a1"]))
    for name, end in (("cancelled", store.cancel_run), ("failed", store.fail_run)):
        run = Run(store, name)
        await run.read((CHATGPT, ["a1", "a2"]))
        await run.claim()
        more = {"step": "consolidating", "error": "told"} if end == store.fail_run else {}
        assert await end(run.import_id, run.run, **more)  # type: ignore[operator]
    claude = await imported(store, "claude", (CLAUDE, ["k1"]))
    assert await claude.conversations() == ["a1", "k1"]


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
        "INSERT INTO lineages (user_id, lineage, vendor) "
        "SELECT $1, n::text, '' FROM generate_series(1, 64) n",
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
