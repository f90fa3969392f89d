"""An import through the gateway, over HTTP, to its memory; on the log in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from shared.domain.events import ImportReceived
from shared.pipelines import IMPORT_RECEIVED, services_of
from shared.requests import relay
from shared.store.store import Store
from tests.support.face import faced
from tests.support.local import LocalSetting
from tests.support.services import ended
from tests.support.storage_server import storage_server
from tests.support.waiting import until

ANA = UUID(int=0xA)
WHERE = f"imports/{ANA}/1732600000000-export.zip"
NEW = {"source": WHERE, "user_id": str(ANA)}


def event_of(answer: dict[str, Any]) -> ImportReceived:
    return ImportReceived(
        import_id=UUID(answer["import_id"]),
        user_id=ANA,
        run=answer["run"],
        source=WHERE,
        requested_at=datetime.now(UTC),
    )


async def test_an_import_is_taken_and_becomes_a_memory(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with storage_server("service-key") as storage:
        storage.objects[WHERE] = (exports / "small.zip").read_bytes()
        setting.changes |= {"supabase_url": storage.url, "supabase_service_role_key": storage.key}
        async with faced(setting, ("gateway", *services_of("v2"))) as face:
            answer = await face.client.post("/imports", json=NEW)
            assert answer.status_code == 202, answer.text
            taken = answer.json()
            address = f"/imports/{taken['import_id']}"
            assert taken == {
                "import_id": taken["import_id"],
                "run": 1,
                "state": "received",
                "pipeline": "v2",
                "events_url": f"{address}/events",
            }
            assert answer.headers["location"] == address
            run = await ended(store, event_of(taken))
            assert run.state == "complete", run
            again = await face.client.post(f"{address}/retry")
            assert (again.status_code, again.json()["run"]) == (202, 2)
            assert (await ended(store, event_of(again.json()))).state == "complete"


async def test_many_at_once_are_one_import_and_one_event(setting: LocalSetting, store: Store) -> None:
    async with faced(setting) as face:
        for headers in ({"Idempotency-Key": "k"}, {}):
            body = NEW | {"user_id": str(uuid4())} if headers else NEW
            body["source"] = f"imports/{body['user_id']}/1732600000000-export.zip"
            answers = await asyncio.gather(
                *(face.client.post("/imports", json=body, headers=headers) for _ in range(50))
            )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.content for answer in answers}) == 1
            (run,) = await store.list_runs(UUID(answers[0].json()["import_id"]))
            assert run.run == 1


async def test_what_was_not_offered_is_found(setting: LocalSetting, store: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr(relay, "OLD_SECONDS", 0.0)
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.1)
    taken = await store.accept_import(uuid4(), ANA, WHERE, "v2")  # by one that died before it offered it
    async with faced(setting):
        assert setting._log is not None
        await until(lambda: setting.published(IMPORT_RECEIVED, 1))
        (event,) = setting.events(IMPORT_RECEIVED)
        assert (event.import_id, event.run, event.source) == (taken.import_id, 1, WHERE)

        async def noted() -> bool:
            return await store.take_unoffered(0, 0, 10) == []

        await until(noted)


async def test_a_source_is_one_of_the_user_in_storage(setting: LocalSetting) -> None:
    other = uuid4()
    async with faced(setting, import_buckets="imports") as face:
        for source, status in {
            f"imports/{other}/1-a.zip": 403,
            f"private/{ANA}/1-a.zip": 403,
            f"imports/{ANA}/../{other}/1-a.zip": 422,
            f"imports/{ANA}/a\0.zip": 422,
            "/etc/passwd": 403,
            "https://example.com/a.zip": 422,
            "": 422,
            "x" * 10_000: 422,
        }.items():
            answer = await face.client.post("/imports", json={"source": source, "user_id": str(ANA)})
            assert (answer.status_code, answer.headers["content-type"]) == (
                status,
                "application/problem+json",
            ), source
            assert source.encode() not in answer.content or not source


async def test_a_run_is_cancelled_once(setting: LocalSetting, store: Store) -> None:
    async with faced(setting) as face:
        taken = (await face.client.post("/imports", json=NEW)).json()
        address = f"/imports/{taken['import_id']}"
        for _ in range(2):
            answer = await face.client.delete(address)
            assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
        assert (await face.client.post(f"{address}/retry")).json()["run"] == 2
        running = await face.client.post(f"{address}/retry")
        assert (running.status_code, running.json()["status"]) == (409, 409)
        await store.fail_run(UUID(taken["import_id"]), 2, "chunking", "unreadable", at_fault=True)
        ended = await face.client.delete(address)
        assert (ended.status_code, ended.json()["import_id"]) == (409, taken["import_id"])
        for method in ("DELETE", "POST"):
            path = f"/imports/{uuid4()}" + ("/retry" if method == "POST" else "")
            assert (await face.client.request(method, path)).status_code == 404


async def test_a_user_who_asks_too_often_is_told_when_to_come_again(setting: LocalSetting) -> None:
    async with faced(setting, imports_unfinished=1) as face:
        assert (await face.client.post("/imports", json=NEW)).status_code == 202
        assert (await face.client.post("/imports", json=NEW)).status_code == 202
        another = NEW | {"source": f"imports/{ANA}/2-b.zip"}
        answer = await face.client.post("/imports", json=another)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


async def test_what_nobody_would_work_on_or_two_readers_read_differently_is_not_taken(
    setting: LocalSetting, store: Store
) -> None:
    async with faced(setting) as face:
        for pipeline in ("v9", "v99999999999"):
            answer = await face.client.post("/imports", json=NEW | {"pipeline": pipeline})
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        twice = await face.client.post(
            "/imports", json=NEW, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        )
        assert (twice.status_code, twice.headers["content-type"]) == (422, "application/problem+json")
        assert await store.list_runs() == []
        for pipeline in ("v1", "v2"):
            answer = await face.client.post("/imports", json=NEW | {"pipeline": pipeline})
            assert (answer.status_code, answer.json()["pipeline"]) == (202, pipeline)


async def test_a_method_that_is_not_there_is_told_as_a_problem(setting: LocalSetting) -> None:
    async with faced(setting) as face:
        for path in ("/imports", f"/profiles/{ANA}", "/livez"):
            answer = await face.client.put(path)
            assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
            assert answer.headers["allow"]
