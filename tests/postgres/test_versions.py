"""Putting an earlier version of a profile back: as it was, in the form that is served, once."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from shared.domain.runs import RunKind
from shared.store.chunks import ReadAccount
from shared.store.profiles import Accepted, KeptVersion
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import commit, event_of, extracted, sections, take
from tests.support.lineages import CHATGPT, CLAUDE, Run, imported
from tests.support.records import ANNA, BORIS, IMPORT

FORMER = """
INSERT INTO user_profiles (user_id, soul_md, identity_md, soulprint_text)
VALUES ($1, '# before', 'no JSON', 'the predecessor''s')
"""
CHANGED_BY_TIME = {
    "updated_at",
    "soulprint_generated_at",
    "full_pass_started_at",
    "full_pass_completed_at",
    "processing_started_at",
}


async def run(store: Store, number: int, name: str, form: str = "markdown") -> None:
    """A run of ANNA's IMPORT from its event to its memory."""
    event = event_of(number)
    await take(store, event, form=form)
    await extracted(store, event)
    assert (await commit(store, event, name, form=form)).written


async def kept(store: Store) -> list[KeptVersion]:
    return await store.list_versions(ANNA, 20)


async def content(sql: asyncpg.Connection) -> dict[str, Any]:
    """What the profile shows, times apart."""
    row = await kinds.shown(sql)
    return {name: value for name, value in row.items() if name not in CHANGED_BY_TIME}


@pytest.mark.parametrize("form", ["markdown", "app"])
async def test_a_version_is_put_back_as_it_was_and_what_it_replaces_is_kept(
    store: Store, sql: asyncpg.Connection, form: str
) -> None:
    await run(store, 1, "first", form)
    first = await content(sql)
    await run(store, 2, "second", form)
    second = await content(sql)
    (version,) = await kept(store)
    assert (version.import_id, version.run, version.kind) == (IMPORT, 1, RunKind.PRIMARY)
    assert (version.profile_format, version.sections, version.memory_characters) == (form, 1, 10)
    assert version.replaced_at is not None
    assert await store.restore_version(ANNA, version.version) == Accepted(True, 1, None)
    back = await content(sql)
    assert {name for name in back if back[name] != first[name]} == set()
    (other,) = await kept(store)
    assert (other.run, other.version > version.version) == (2, True)
    facts = await store.read_profile(ANNA)
    assert facts is not None
    assert (facts.memory_import_id, facts.memory_run) == (IMPORT, 1)
    assert await store.restore_version(ANNA, version.version) == Accepted(False, None, "unknown"), "twice"
    assert await content(sql) == back
    assert (await store.restore_version(ANNA, other.version)).run == 2
    assert await content(sql) == second, "there and back again"


@pytest.mark.parametrize(("was", "now"), [("markdown", "app"), ("app", "markdown")])
async def test_a_version_of_the_other_form_is_shown_in_that_which_is_served(
    store: Store, sql: asyncpg.Connection, was: str, now: str
) -> None:
    await run(store, 1, "first", was)
    await run(store, 2, "second", now)
    (version,) = await kept(store)
    assert (await store.restore_version(ANNA, version.version)).written
    row = await kinds.shown(sql)
    assert (row["soul_md"], row["memory_md"]) == (sections("first")[now]["soul"], "# Memory 1")
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert dict(profile.documents) == sections("first")


@pytest.mark.parametrize("form", ["markdown", "app"])
async def test_what_stood_there_before_soulprint_comes_back_and_goes_again(
    store: Store, sql: asyncpg.Connection, form: str
) -> None:
    await sql.execute(FORMER, ANNA)
    await run(store, 1, "ours", form)
    ours = await content(sql)
    (version,) = await kept(store)
    assert (version.import_id, version.run, version.sections) == (None, None, 2)
    assert await store.restore_version(ANNA, version.version) == Accepted(True, None, None)
    row = await kinds.shown(sql)
    assert (row["soul_md"], row["identity_md"], row["soulprint_text"]) == (
        "# before",
        "no JSON",
        "the predecessor's",
    )
    assert (row["import_id"], row["run"], row["memory_md"]) == (None, None, "# Memory 1")
    served = await store.read_served(ANNA)
    assert served is not None
    assert served.sections.soul == "# before", "the gateway tells the same"
    assert (served.import_id, served.memory_import_id) == (None, IMPORT), "its facts are of the MEMORY there"
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert report.served is None
    assert await store.accept_memory(IMPORT) == Accepted(True, 1, None)
    again = await content(sql)
    assert again == ours | {"identity_md": "no JSON"}, "what a version does not hold stays as it is served"
    (version,) = await kept(store)
    assert (await store.restore_version(ANNA, version.version)).written
    await run(store, 2, "newer", form)
    assert "newer" in (await kinds.shown(sql))["soul_md"], "the next run is served over it"


async def test_a_predecessor_that_wrote_over_ours_is_one_of_them(
    store: Store, sql: asyncpg.Connection
) -> None:
    """It has the app's form, and no JSON in it; what is served is Markdown."""
    await run(store, 1, "ours")
    (soul,) = [sections("theirs")["app"]["soul"]]
    await sql.execute(
        "UPDATE served_memories SET run = 9, profile_format = 'app', documents = jsonb_build_object("
        "'markdown', '{}'::jsonb, 'app', jsonb_build_object('soul', $1::text, 'identity', 'no JSON'))",
        soul,
    )
    await sql.execute("UPDATE user_profiles SET soul_md = $1, identity_md = 'no JSON'", soul)
    await run(store, 2, "next")
    (version,) = await kept(store)
    assert (await store.restore_version(ANNA, version.version)).written
    row = await kinds.shown(sql)
    assert (row["soul_md"], row["identity_md"]) == (soul, "no JSON")


async def test_of_a_shadow_run_nothing_is_ever_served(store: Store, sql: asyncpg.Connection) -> None:
    await run(store, 1, "first")
    before = await content(sql)
    shadow = event_of(kind=RunKind.SHADOW)
    await take(store, shadow)
    await extracted(store, shadow)
    await commit(store, shadow)
    (version,) = await kept(store)
    assert (version.kind, version.replaced_at) == (RunKind.SHADOW, None)
    assert await store.restore_version(ANNA, version.version) == Accepted(False, 1, "shadow")
    assert (await content(sql), [each.version for each in await kept(store)]) == (before, [version.version])


async def test_what_lacks_another_account_is_not_put_back(store: Store) -> None:
    await imported(store, "first", (CHATGPT, ["a1"]))
    await imported(store, "second", (CHATGPT, ["a1", "a2"]))
    await imported(store, "claude", (CLAUDE, ["k1"]))
    newest, oldest = await kept(store)
    assert await store.restore_version(ANNA, oldest.version) == Accepted(False, 1, "apart")
    assert await store.restore_version(ANNA, newest.version) == Accepted(False, 1, "apart")
    assert len(await kept(store)) == 2
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == {"a1", "a2", "k1"}


async def test_its_facts_come_with_it_and_what_was_kept_beside_counts_from_then_on(store: Store) -> None:
    many = [f"a{n}" for n in range(10)]
    chatgpt = ReadAccount("chatgpt", None, "chatgpt-old", conversations=10)
    await imported(store, "chatgpt", (chatgpt, many))
    less = Run(store, "less")
    await less.read((chatgpt, many[:2]))
    assert (await less.commit()).reason == "smaller"
    (version,) = await kept(store)
    assert (await store.restore_version(ANNA, version.version)).written
    assert {fact.conversation_id for fact in await store.list_facts(ANNA)} == set(many[:2])
    report = await less.report()
    assert (report.state, report.unserved) == ("complete", None)


async def test_a_number_is_of_one_user_and_of_one_version(store: Store) -> None:
    await run(store, 1, "first")
    await run(store, 2, "second")
    (version,) = await kept(store)
    for user, number in ((BORIS, version.version), (ANNA, version.version + 1), (ANNA, 2**63 - 1)):
        assert await store.restore_version(user, number) == Accepted(False, None, "unknown")
    assert await store.read_profile(BORIS) is None, "nobody is made by asking"


async def test_asked_for_at_once_one_of_them_puts_it_back(store: Store, sql: asyncpg.Connection) -> None:
    await run(store, 1, "first")
    await run(store, 2, "second")
    await run(store, 3, "third")
    second, first = await kept(store)
    answers = await asyncio.gather(*(store.restore_version(ANNA, first.version) for _ in range(4)))
    assert sorted(each.written for each in answers) == [False, False, False, True]
    assert {each.reason for each in answers if not each.written} == {"unknown"}
    wanted = [second.version, (await kept(store))[0].version]
    both = await asyncio.gather(*(store.restore_version(ANNA, number) for number in wanted))
    assert [each.written for each in both] == [True, True], "one after the other"
    assert sorted(str(each.run) for each in await kept(store)) in (["1", "2"], ["1", "3"])
    assert await sql.fetchval("SELECT count(*) FROM profile_versions") == 2, "none is lost, none doubled"


async def test_a_profile_that_was_deleted_is_made_again(store: Store, sql: asyncpg.Connection) -> None:
    await run(store, 1, "first")
    await run(store, 2, "second")
    await sql.execute("DELETE FROM user_profiles")
    (version,) = await kept(store)
    assert (await store.restore_version(ANNA, version.version)).written
    assert await kinds.soul(sql) == "first"


async def test_a_list_is_as_long_as_it_is_asked_for(store: Store) -> None:
    for number in range(1, 5):
        await run(store, number, f"run {number}")
    assert [each.run for each in await store.list_versions(ANNA, 2)] == [3, 2]
    assert await store.list_versions(BORIS, 5) == []
