"""Progress as server-sent events, over real HTTP and a real database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid5

import pytest

from services.gateway import progress
from shared.domain.errors import StoreError
from shared.store.chunks import Chunking
from shared.store.store import Store
from tests.support.auth_server import AuthServer
from tests.support.event_stream import EventStream
from tests.support.face_alone import Alone, faced_alone
from tests.support.records import ANNA, BORIS, IMPORT, MODEL, PROMPTS, SEED, result_of, with_matter
from tests.support.runs import begin_run
from tests.support.waiting import until

SOURCE = "imports/anna/export.zip"
STREAMS = "soulprint_http_streams"


@pytest.fixture
async def begun(store: Store) -> Store:
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    return store


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    server = AuthServer()
    await server.start()
    yield server
    await server.stop()


async def test_a_stream_tells_each_state_and_then_the_end(begun: Store, face: Alone) -> None:
    async with EventStream(face.port, IMPORT) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store"
        first = await stream.next()
        assert first is not None
        assert (first.event, stream.retry) == ("progress", "3000")
        assert first.data == {
            "import_id": str(IMPORT),
            "run": 1,
            "kind": "primary",
            "state": "chunking",
            "stage": "chunking",
            "percent": 0,
            "chunks": {"ok": 0, "dead": 0, "total": None},
            "coverage": None,
        }
        await begun.finish_chunking(IMPORT, 1, Chunking(total=2))
        await begun.record_chunks([with_matter(result_of(0))], model=MODEL, prompt_version=PROMPTS)
        second = await stream.next()
        while second is not None and second.data["chunks"]["ok"] == 0:
            second = await stream.next()
        assert second is not None
        assert (second.data["percent"], second.data["chunks"]["total"]) == (45, 2)
        assert int(second.id) > int(first.id)
        await begun.fail_run(IMPORT, 1, "extracting", "broken")
        last, end = await stream.rest()
        assert (last.event, last.data["state"]) == ("progress", "failed")
        assert (end.event, end.id, end.data) == ("end", f"{last.id}-end", last.data)
    await until(lambda: face.value(STREAMS) == 0)


async def test_who_comes_again_is_told_nothing_twice(begun: Store, face: Alone) -> None:
    async with EventStream(face.port, IMPORT) as stream:
        first = await stream.next()
        assert first is not None
    async with EventStream(face.port, IMPORT, first.id) as stream:
        await begun.fail_run(IMPORT, 1, "extracting", "broken")
        last, end = await stream.rest()
        assert last.data["state"] == "failed"
    async with EventStream(face.port, IMPORT, last.id) as stream:
        assert await stream.rest() == [end]
    async with EventStream(face.port, IMPORT, end.id) as stream:
        assert stream.status == 204  # by which a browser's EventSource stops
    async with EventStream(face.port, IMPORT, "17") as stream:
        assert await stream.rest() == [last, end]


async def test_another_persons_import_is_one_that_there_is_not(
    begun: Store, quick_looks: None, project: AuthServer
) -> None:
    async with faced_alone(begun, supabase_url=project.url) as face:

        async def seen(user: str, import_id: str) -> tuple[int, bytes]:
            headers = {"Authorization": f"Bearer {user}"}
            answer = await face.client.get(f"/imports/{import_id}/events", headers=headers)
            return answer.status_code, answer.content.replace(import_id.encode(), b"")

        anna, boris = project.token(ANNA), project.token(BORIS)
        async with EventStream(face.port, IMPORT, key=anna) as stream:
            assert stream.status == 200
        assert await seen(boris, str(IMPORT)) == await seen(boris, str(BORIS))
        assert (await seen(boris, str(IMPORT)))[0] == 404
        asked = await face.client.post(
            f"/imports/{IMPORT}/events/ticket", headers={"Authorization": f"Bearer {anna}"}
        )
        query = f"?ticket={asked.json()['ticket']}"
        async with EventStream(face.port, IMPORT, key="", query=query) as stream:
            assert stream.status == 200
            assert await stream.next() is not None
        async with EventStream(face.port, BORIS, key="", query=query) as stream:
            assert stream.status == 401


async def test_a_client_that_is_gone_leaves_nothing(begun: Store, face: Alone) -> None:
    streams = [EventStream(face.port, IMPORT) for _ in range(10)]
    for stream in streams:
        await stream.__aenter__()
    await until(lambda: face.value(STREAMS) == 10)
    for stream in streams:
        stream.cut()
    await until(lambda: face.value(STREAMS) == 0)


async def test_a_stream_outlives_an_outage_of_the_database(
    begun: Store, quick_looks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "COMMENT_SECONDS", 0.05)
    down = asyncio.Event()

    class Shaky(Store):
        async def watch_runs(self, import_ids):  # type: ignore[no-untyped-def, override]
            if down.is_set():
                raise StoreError("away")
            return await begun.watch_runs(import_ids)

    store = Shaky(begun._transport)
    async with faced_alone(store) as face, EventStream(face.port, IMPORT) as stream:
        assert await stream.next() is not None
        down.set()
        reading = asyncio.create_task(stream.next())
        seen = stream.comments
        await until(lambda: stream.comments > seen + 5)  # more than a look without an answer
        assert (await face.client.get(f"/imports/{BORIS}/events")).status_code == 503
        down.clear()
        await begun.fail_run(IMPORT, 1, "extracting", "broken")
        told = await reading
        assert told is not None
        assert told.data["state"] == "failed"


async def test_streams_are_bounded_for_a_person_and_for_a_gateway(
    begun: Store, face: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "STREAMS_OF_USER", 2)
    monkeypatch.setattr(progress, "STREAMS", 3)
    other, third = uuid5(SEED, "of boris"), uuid5(SEED, "another of boris")
    for each in (other, third):
        await begin_run(begun, each, BORIS, SOURCE, "v2")
    async with EventStream(face.port, IMPORT), EventStream(face.port, IMPORT):
        await until(lambda: face.value(STREAMS) == 2)
        refused = await face.client.get(f"/imports/{IMPORT}/events")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        async with EventStream(face.port, other) as stream:
            assert stream.status == 200
            await until(lambda: face.value(STREAMS) == 3)
            refused = await face.client.get(f"/imports/{third}/events")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")


async def test_streams_end_when_the_gateway_does(begun: Store) -> None:
    async with faced_alone(begun) as face:
        stream = await EventStream(face.port, IMPORT).__aenter__()
        assert await stream.next() is not None
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 2
    assert await stream.rest() == []
    stream.cut()


async def test_many_streams_cost_two_queries_a_second_at_most(begun: Store) -> None:
    imports = [uuid5(SEED, f"one of many {n}") for n in range(50)]
    for n, import_id in enumerate(imports):
        await begin_run(begun, import_id, uuid5(SEED, f"user {n}"), SOURCE, "v2")
    asked: list[float] = []

    class Counting(Store):
        async def watch_runs(self, import_ids):  # type: ignore[no-untyped-def, override]
            asked.append(time.monotonic())
            return await begun.watch_runs(import_ids)

    async with faced_alone(Counting(begun._transport)) as face:
        begin = time.monotonic()
        streams = [EventStream(face.port, imports[n % 50]) for n in range(300)]
        await asyncio.gather(*(stream.__aenter__() for stream in streams))
        assert all([await stream.next() for stream in streams])
        await asyncio.gather(*(begun.fail_run(each, 1, "reading", "broken") for each in imports))
        ended = time.monotonic()
        told = await asyncio.gather(*(stream.rest() for stream in streams))
        assert time.monotonic() - ended < 2
        assert all(each[-1].event == "end" for each in told)
        assert len(asked) <= 2 + 2 * (time.monotonic() - begin)
        for stream in streams:
            stream.cut()
