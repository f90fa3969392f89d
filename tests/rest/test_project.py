"""The project that tests of the store over REST stand on lets in whom Supabase's gateway lets in, as whom it
does."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import asyncpg
import httpx2
import pytest

from shared.store.store import Store
from tests.support.gateway import PUBLISHABLE, SECRET, Project
from tests.support.postgrest import MAX_ROWS
from tests.support.records import ANNA, BORIS

WHO = "/rest/v1/rpc/read_profile"


async def asked(project: Project, path: str, headers: Mapping[str, str]) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as client:
        if path == WHO:
            argument = {"argument": {"user_id": str(ANNA)}}
            return await client.post(project.url + path, json=argument, headers=headers)
        return await client.get(project.url + path, headers=headers)


def with_key(key: str, token: str | None = None) -> dict[str, str]:
    return {"apikey": key} if token is None else {"apikey": key, "Authorization": f"Bearer {token}"}


async def test_who_has_no_key_is_not_let_in(project: Project) -> None:
    for headers, message in (
        ({}, "No API key found in request"),
        ({"Authorization": f"Bearer {project.service_key}"}, "No API key found in request"),
        (with_key("of another project"), "Invalid authentication credentials"),
        (with_key(project.signer.token("service_role", seconds=60)), "Invalid authentication credentials"),
    ):
        answer = await asked(project, WHO, headers)
        assert (answer.status_code, answer.json()) == (401, {"message": message})


@pytest.mark.parametrize("kind", ["legacy", "secret", "secret twice"])
async def test_service_keys_of_both_kinds_may_call_functions(
    project: Project, database: str, kind: str
) -> None:
    headers = {
        "legacy": with_key(project.service_key, project.service_key),
        "secret": with_key(SECRET),
        "secret twice": with_key(SECRET, SECRET),
    }[kind]
    answer = await asked(project, WHO, headers)
    assert (answer.status_code, answer.json()) == (200, None)


async def test_public_and_expired_keys_may_not(project: Project, database: str) -> None:
    for key, status, code in (
        (project.anon_key, 401, "42501"),
        (PUBLISHABLE, 401, "42501"),
        (project.expired_key, 401, "PGRST301"),
    ):
        headers = with_key(key) if key == PUBLISHABLE else with_key(key, key)
        answer = await asked(project, WHO, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
async def test_a_user_is_who_the_token_says(project: Project, store: Store, algorithm: str) -> None:
    for user, soul in ((ANNA, "of Anna"), (BORIS, "of Boris")):
        await store.update_user_profile(user, {"soul_md": soul})
    page = "/rest/v1/user_profiles?select=soul_md"
    for user, expected in ((ANNA, ["of Anna"]), (BORIS, ["of Boris"]), (UUID(int=7), [])):
        answer = await asked(project, page, project.headers(user, algorithm=algorithm))
        assert answer.status_code == 200
        assert [row["soul_md"] for row in answer.json()] == expected
    other = with_key(project.anon_key, project.signer.token("authenticated", ANNA)[:-4] + "AAAA")
    assert (await asked(project, page, other)).status_code == 401


async def test_rows_are_cut_and_calls_are_timed_as_supabase_does(
    project: Project, store: Store, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "INSERT INTO user_profiles (user_id) SELECT gen_random_uuid() FROM generate_series(1, $1)",
        MAX_ROWS + 1,
    )
    answer = await asked(
        project, "/rest/v1/user_profiles?select=user_id", with_key(project.service_key, project.service_key)
    )
    assert len(answer.json()) == MAX_ROWS
    limits = await sql.fetchval("SELECT rolconfig FROM pg_roles WHERE rolname = 'authenticator'")
    assert limits == ["statement_timeout=8s"]
