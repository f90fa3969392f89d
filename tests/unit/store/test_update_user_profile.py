"""update_user_profile, branch by branch, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.store.profiles import Profile
from shared.store.store import Store
from tests.support.records import ANNA, BORIS

TEXTS = ["soul_md", "identity_md", "user_md", "agents_md", "tools_md", "memory_md", "soulprint_text"]
STATUS = ["full_pass_error", "import_stage"]
TIMES = ["full_pass_started_at", "full_pass_completed_at"]


async def profile_of(store: Store) -> Profile:
    profile = await store.read_profile(ANNA)
    assert profile is not None
    return profile


async def test_there_is_no_profile_at_first(store: Store) -> None:
    assert await store.read_profile(ANNA) is None


@pytest.mark.parametrize("fields", [{}, {"soul_md": "# Soul"}])
async def test_a_profile_is_made_if_missing(store: Store, fields: dict[str, Any]) -> None:
    await store.update_user_profile(ANNA, fields)
    profile = await profile_of(store)
    assert profile.soul_md == fields.get("soul_md")
    assert profile.full_pass_status == "pending"
    assert await store.read_profile(BORIS) is None


async def test_every_field_is_set_alone_and_cleared(store: Store) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    for name in TEXTS + STATUS:
        await store.update_user_profile(ANNA, {name: f"text of {name}"})
    for name in TIMES:
        await store.update_user_profile(ANNA, {name: moment})
    await store.update_user_profile(ANNA, {"full_pass_status": "processing", "progress_percent": 12.6})
    profile = await profile_of(store)
    assert {name: getattr(profile, name) for name in TEXTS + STATUS} == {
        name: f"text of {name}" for name in TEXTS + STATUS
    }
    assert [getattr(profile, name) for name in TIMES] == [moment, moment]
    assert (profile.full_pass_status, profile.progress_percent) == ("processing", 13), "percents are whole"
    await store.update_user_profile(ANNA, dict.fromkeys(TEXTS + STATUS + TIMES))
    profile = await profile_of(store)
    assert {getattr(profile, name) for name in TEXTS + STATUS + TIMES} == {None}
    assert profile.progress_percent == 13


@pytest.mark.parametrize(
    "name", ["user_id", "import_id", "run", "pipeline", "created_at", "updated_at", "is_admin"]
)
async def test_other_columns_are_refused_by_name(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match=f"not a field of a profile: {name}") as caught:
        await store.update_user_profile(ANNA, {"soul_md": "text", name: str(BORIS)})
    assert caught.value.sqlstate == "SP003"
    assert await store.read_profile(ANNA) is None


async def test_a_strange_name_is_not_repeated(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        await store.update_user_profile(ANNA, {"soul_md = 'x'; DROP TABLE facts; --": "x"})
    assert "DROP" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"full_pass_status": "done"}, "23514"),
        ({"full_pass_status": None}, "23502"),
        ({"progress_percent": 101}, "23514"),
        ({"progress_percent": -1}, "23514"),
        ({"progress_percent": "much of the secret"}, "22P02"),
        ({"full_pass_started_at": "secret"}, "22007"),
        ({"soul_md": "a secret\x00"}, "22P05"),
    ],
)
async def test_wrong_values_are_refused_whole(store: Store, fields: dict[str, Any], state: str) -> None:
    await store.update_user_profile(ANNA, {"user_md": "before"})
    with pytest.raises(StoreError) as caught:
        await store.update_user_profile(ANNA, {"user_md": "after"} | fields)
    assert caught.value.sqlstate == state
    assert "secret" not in str(caught.value)
    assert (await profile_of(store)).user_md == "before"


async def test_a_lone_surrogate_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"update_user_profile.*surrogate") as caught:
        await store.update_user_profile(ANNA, {"soul_md": "broken \ud800"})
    assert caught.value.sqlstate == "22021"
