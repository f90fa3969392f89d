"""What may be read over HTTP, by whom, and that it is what OpenAPI says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from services.gateway import examples
from services.gateway.reading import FactPage, RunPage
from shared.domain.runs import RunKey
from shared.store.chunks import Chunking
from shared.store.store import Store
from shared.store.watching import FoundRun, Served
from tests.support.auth_server import AuthServer
from tests.support.face_alone import Alone, faced_alone
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
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

SOURCE = "imports/anna/export.zip"
NOBODY = uuid5(SEED, "nobody")


@pytest.fixture
async def served(store: Store) -> Store:
    """ANNA is served a memory of five facts."""
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    await store.save_chunks_batch(ANNA, [PassageOf()], of_run=RunKey(IMPORT, 1))
    facts = [fact_of(f"f{n}", stated_at=datetime(2024, 5, n + 1, tzinfo=UTC)) for n in range(5)]
    await store.record_chunks([with_matter(result_of(0, facts))], model=MODEL, prompt_version=PROMPTS)
    await store.finish_chunking(IMPORT, 1, Chunking(total=1))
    await commit(store, memory_of(memory_md="# MEMORY"))
    return store


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    server = AuthServer()
    await server.start()
    yield server
    await server.stop()


async def test_an_import_is_read_as_it_is(served: Store, face: Alone) -> None:
    answer = await face.client.get(f"/imports/{IMPORT}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert FoundRun.model_validate(answer.json()) == await served.find_run(IMPORT)
    body = answer.json()
    assert (body["state"], body["percent"], body["usage"]["calls"]) == ("complete", 100, 1)
    assert (await face.client.get(f"/imports/{IMPORT}?run=1")).json() == body
    assert (await face.client.get(f"/imports/{IMPORT}?run=2")).status_code == 404
    for run in ("0", "x", "2147483648"):
        assert (await face.client.get(f"/imports/{IMPORT}?run={run}")).status_code == 422


async def test_imports_are_read_page_by_page(store: Store, face: Alone) -> None:
    imports = [uuid5(SEED, f"paged {n}") for n in range(5)]
    for each in imports:
        await begin_run(store, each, ANNA, SOURCE, "v2")
    seen, after = [], ""
    while True:
        answer = await face.client.get(f"/imports?user_id={ANNA}&limit=2{after}")
        page = RunPage.model_validate(answer.json())
        seen += [run.import_id for run in page.imports]
        if page.next is None:
            break
        after = f"&after={page.next}"
    assert seen == imports[::-1]
    for wrong in (f"{NOBODY}.1", "x", f"{'-' * 36}.1", f"{imports[0]}.999999999"):
        answer = await face.client.get(f"/imports?user_id={ANNA}&after={wrong}")
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_a_person_reads_their_own_and_cannot_tell_what_else_there_is(
    served: Store, project: AuthServer
) -> None:
    async with faced_alone(served, supabase_url=project.url) as face:

        async def status(path: str, user: UUID) -> int:
            headers = {"Authorization": f"Bearer {project.token(user)}"}
            return (await face.client.get(path, headers=headers)).status_code

        headers = {"Authorization": f"Bearer {project.token(BORIS)}"}
        theirs = await face.client.get(f"/imports/{IMPORT}", headers=headers)
        none = await face.client.get(f"/imports/{NOBODY}", headers=headers)
        assert theirs.status_code == none.status_code == 404
        assert theirs.content.replace(str(IMPORT).encode(), str(NOBODY).encode()) == none.content
        assert (await face.client.get("/imports", headers=headers)).json() == {"imports": [], "next": None}
        assert await status("/imports", ANNA) == await status(f"/imports?user_id={ANNA}", ANNA) == 200
        assert await status(f"/imports/{IMPORT}", ANNA) == await status(f"/profiles/{ANNA}", ANNA) == 200
        for path in (f"/profiles/{ANNA}", f"/profiles/{ANNA}/facts", f"/imports?user_id={ANNA}"):
            assert await status(path, BORIS) == 403
        assert (await face.client.get("/imports", headers={"Authorization": ""})).status_code == 401


async def test_what_is_served_is_read_and_not_sent_twice(served: Store, face: Alone) -> None:
    answer = await face.client.get(f"/profiles/{ANNA}")
    assert Served.model_validate(answer.json()) == await served.read_served(ANNA)
    tag = answer.headers["etag"]
    for wanted in (tag, f'"x", W/{tag}', "*"):
        again = await face.client.get(f"/profiles/{ANNA}", headers={"If-None-Match": wanted})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await served.update_user_profile(ANNA, {"memory_md": "# another"})
    changed = await face.client.get(f"/profiles/{ANNA}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["memory_md"]) == (200, "# another")
    missing = await face.client.get(f"/profiles/{NOBODY}")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


async def test_facts_are_read_page_by_page(served: Store, face: Alone) -> None:
    path = f"/profiles/{ANNA}/facts"
    first = FactPage.model_validate((await face.client.get(f"{path}?limit=3")).json())
    rest = FactPage.model_validate((await face.client.get(f"{path}?limit=3&after={first.next}")).json())
    assert [fact.id for fact in (*first.facts, *rest.facts)] == [fact_of(f"f{n}").id for n in range(5)]
    assert rest.next is None
    assert first.facts[0].quote == "I said f0"
    merged = await face.client.get(f"{path}?status=merged")
    assert merged.json() == {"facts": [], "next": None}
    assert (await face.client.get(f"{path}?after={NOBODY}")).status_code == 422
    assert (await face.client.get(f"{path}?limit=501")).status_code == 422
    assert (await face.client.get(f"/profiles/{NOBODY}/facts")).json() == {"facts": [], "next": None}


async def test_requests_are_counted_by_route_and_never_by_what_a_client_made_up(
    served: Store, face: Alone
) -> None:
    count = "soulprint_http_requests_total"
    for path in (f"/imports/{IMPORT}", f"/imports/{NOBODY}", "/imports?limit=0", f"/nothing/{IMPORT}"):
        await face.client.get(path)
    await face.client.request("BREW", f"/imports/{IMPORT}")
    await face.client.get("/imports", headers={"Authorization": "Bearer wrong"})
    route = {"route": "/imports/{import_id}", "method": "GET"}
    assert face.value(count, **route, status="2xx") == face.value(count, **route, status="4xx") == 1
    assert face.value("soulprint_http_seconds_count", **route) == 2
    assert face.value(count, route="none", method="GET", status="4xx") >= 1
    samples = [sample for family in face.registry.collect() for sample in family.samples]
    shown = str([sample.labels for sample in samples if sample.name.startswith("soulprint_http")])
    assert str(IMPORT) not in shown
    assert "BREW" not in shown
    assert "nothing" not in shown


def test_the_examples_are_what_is_answered() -> None:
    assert FoundRun.model_validate(examples.RUN).model_dump(mode="json") == examples.RUN
    assert RunPage.model_validate(examples.RUNS).model_dump(mode="json") == examples.RUNS
    assert Served.model_validate(examples.SERVED).model_dump(mode="json") == examples.SERVED
    assert FactPage.model_validate(examples.FACTS).model_dump(mode="json") == examples.FACTS


async def test_another_method_is_a_problem_that_names_those_there_are(served: Store, face: Alone) -> None:
    for path, allowed in (("/imports", "GET, POST"), (f"/imports/{IMPORT}", "DELETE, GET")):
        answer = await face.client.patch(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 405
