"""POST /process-full says when it ends, whoever answers; its callers are counted; and then it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from services.gateway.body_rules import JSON_BYTES
from shared.store.routing import UNNAMED
from shared.store.store import Store
from tests.support.auth_server import auth_server
from tests.support.face import faced
from tests.support.local import LocalSetting
from tests.support.side_by_side import OPEN, both
from tests.support.waiting import until

U, V = UUID(int=0x5E0F1A52), UUID(int=0x5E0F1A53)
ROUTE = "/process-full"
LINK = '</process-full-v2>; rel="successor-version", </openapi.json>; rel="deprecation"'
SAID = {"deprecation": "@1767323045", "sunset": "Sun, 01 Mar 2026 00:00:00 GMT", "link": LINK}
LARGE = {"user_id": str(U), "conversations": [{"text": "x" * JSON_BYTES}]}
NOBODYS = {"Authorization": "Bearer of nobody"}


def body_of(user: UUID, **more: Any) -> dict[str, Any]:
    return {"user_id": str(user), "storage_path": f"imports/{user}/a.zip"} | more


def said(answer: httpx2.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in SAID if name in answer.headers}


async def end(store: Store) -> None:
    since, until = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    times = {"deprecated_at": since.isoformat(), "sunset_at": until.isoformat()}
    assert (await store.change_policy(times, by="ops", reason="a test")).changed


async def counted(store: Store, expected: Mapping[UUID, int]) -> None:
    """Return when so many calls of each are counted."""
    found: dict[UUID, int] = {}

    async def are() -> bool:
        calls = await store.read_legacy_calls(datetime.now(UTC) - timedelta(hours=1))
        assert {each.route for each in calls} <= {ROUTE}
        found.clear()
        found.update({each.user_id: each.calls for each in calls})
        return found == expected

    are.__doc__ = f"{expected} are counted"
    try:
        await until(are)
    except AssertionError as error:
        raise AssertionError(f"{error}: {found}") from None


async def test_every_answer_says_when_it_ends_and_who_calls_is_counted(
    setting: LocalSetting, store: Store
) -> None:
    await end(store)
    async with both(setting) as (old, _, face):
        for body, headers, status in (
            (body_of(U), {}, 200),
            (body_of(U, storage_path="a.zip"), {}, 422),
            (body_of(V, conversation_count="many"), {}, 422),
            ({"user_id": str(V)}, {}, 200),  # by the predecessor
            (LARGE, {}, 200),  # unread
            ({"user_id": "nobody"}, {}, 422),
            (body_of(U), NOBODYS, 401),
        ):
            answer = await face.client.post(ROUTE, json=body, headers=headers)
            assert (answer.status_code, said(answer)) == (status, SAID), answer.text
        assert len(old.state.calls) == 2
        compressed = await face.client.post(ROUTE, content=b"x", headers={"Content-Encoding": "gzip"})
        assert (compressed.status_code, said(compressed)) == (415, SAID)
        for other in ("/process-full-v2", "/import-full", "/retry-full-pass"):
            assert said(await face.client.post(other, json=body_of(U))) == {}
        assert said(await face.client.get(ROUTE)) == {}
        await counted(store, {U: 2, V: 2, UNNAMED: 1})
        calls = face.host.registry.get_sample_value("soulprint_legacy_calls_total", {"route": ROUTE})
        assert calls == 5


async def test_an_answer_follows_the_policy_at_once_where_an_import_is_taken(
    setting: LocalSetting, store: Store
) -> None:
    async with faced(setting, **OPEN) as face:
        assert said(await face.client.post(ROUTE, json=body_of(U))) == {}
        await end(store)
        assert said(await face.client.post(ROUTE, json=body_of(U))) == SAID
        await store.change_policy({"sunset_at": None, "deprecated_at": None}, by="ops", reason="a test")
        assert said(await face.client.post(ROUTE, json=body_of(U))) == {}


@pytest.mark.slow
async def test_what_is_gone_names_what_came_after_it_and_still_counts(
    setting: LocalSetting, store: Store
) -> None:
    async with auth_server() as project, both(setting, supabase_url=project.url, v1_route="gone") as found:
        old, _, face = found
        token = {"Authorization": f"Bearer {project.token(V)}"}
        for body, headers in (
            (body_of(U), {}),
            ({"user_id": str(U)}, {}),
            (LARGE, {}),
            ({}, {}),
            (body_of(V), token),
            (body_of(uuid4()), token),  # not theirs
        ):
            answer = await face.client.post(ROUTE, json=body, headers=headers)
            assert (answer.status_code, list(answer.json())) == (410, ["detail"]), answer.text
            assert said(answer) == {"link": LINK}
        assert (await face.client.post(ROUTE, json=body_of(U), headers=NOBODYS)).status_code == 401
        assert old.state.calls == []
        assert await store.list_runs() == []
        await counted(store, {U: 2, V: 1, UNNAMED: 1})
        assert (await face.client.post("/process-full-v2", json=body_of(U))).status_code == 200
        await end(store)

        async def told() -> bool:
            """the policy is known"""
            answer = await face.client.post(ROUTE, json={})
            return (answer.status_code, said(answer)) == (410, SAID)

        await until(told)
