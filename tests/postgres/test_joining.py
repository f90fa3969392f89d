"""What a commit makes of lineages: both that were imported at once, of each the newest, no loss of one."""

from __future__ import annotations

import json

import asyncpg

from shared.domain.runs import RunKey
from shared.store.chunks import ReadAccount
from shared.store.profiles import Commit
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.lineages import CHATGPT, CLAUDE, Run, imported, joined
from tests.support.records import ANNA, BORIS, memory_of


@EVERY_WAY
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


@EVERY_WAY
async def test_a_memory_of_before_a_join_is_not_kept_in_place_of_the_next(store: Store) -> None:
    """Else it would be published again and again, and never be taken."""
    first, second = Run(store, "chatgpt"), Run(store, "claude")
    await first.read((CHATGPT, ["a1"]))
    await second.read((CLAUDE, ["k1"]))
    before = await first.claim()
    assert (await second.commit()).written
    late = memory_of(1, import_id=first.import_id, edition=before)
    assert await store.keep_memory(first.import_id, 1, late), "nothing was joined since"
    made = late.model_copy(update={"edition": await first.claim()})
    assert made.edition > before
    assert not await store.keep_memory(first.import_id, 1, late)
    assert await store.keep_memory(first.import_id, 1, made)
    assert await store.read_kept_memory(first.import_id, 1) == made


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


async def test_the_apps_page_counts_what_was_read_of_all(store: Store, sql: asyncpg.Connection) -> None:
    await imported(store, "chatgpt", (CHATGPT, ["a1", "a2"]))
    claude = Run(store, "claude")
    await claude.read((CLAUDE, ["k1"]))
    await sql.execute(
        "UPDATE imports SET profile_format = 'app', counts = $2 WHERE import_id = $1",
        claude.import_id,
        json.dumps({"conversations": {"kept": 1}, "messages": 2}),
    )
    await claude.claim()
    totals = await sql.fetchrow("SELECT total_conversations, total_messages FROM user_profiles")
    assert tuple(totals) == (3, 6)
