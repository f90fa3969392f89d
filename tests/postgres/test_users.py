"""What users are called, and who they are."""

from __future__ import annotations

from uuid import uuid4

from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, BORIS, IMPORT
from tests.support.runs import begin_run


@EVERY_WAY
async def test_the_last_name_holds_and_a_long_one_is_cut(store: Store) -> None:
    await store.name_user(ANNA, "anna")
    await store.name_user(ANNA, "Anna")
    await store.name_user(BORIS, "b" * 300)
    assert await store.read_user_names([ANNA, BORIS, uuid4()]) == {ANNA: "Anna", BORIS: "b" * 200}
    assert await store.read_user_names([]) == {}


async def test_users_are_those_who_have_runs_whoever_was_seen_last_first(store: Store) -> None:
    assert await store.list_users() == []
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.fail_run(IMPORT, 1, "run", "an error")
    other = uuid4()
    await begin_run(store, other, BORIS, "/b.zip", "v2")
    await store.name_user(ANNA, "anna")
    await store.name_user(uuid4(), "nobody yet")
    boris, anna = await store.list_users()
    assert (boris.user_id, boris.name, boris.runs, boris.has_memory) == (BORIS, None, 1, False)
    assert (anna.user_id, anna.name, anna.runs, anna.state) == (ANNA, "anna", 1, "failed")
    assert [each.user_id for each in await store.list_users(limit=1)] == [BORIS]
