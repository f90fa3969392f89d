"""An export sent to the gateway, to its memory; and what is left of one that is not taken: nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.gateway.receiving.places import AT_ONCE, AT_ONCE_OF_ONE
from shared.domain.events import ImportReceived
from shared.domain.ids import import_id
from shared.pipelines import services_of
from shared.store.store import Store
from tests.support.auth_server import auth_server
from tests.support.door import door_to, postgres_at
from tests.support.face import KEYED, faced
from tests.support.http_server import Answer, Wire, head, wire
from tests.support.local import LocalSetting
from tests.support.services import ended
from tests.support.storage_server import storage_server
from tests.support.waiting import until

ANA, BEN = UUID(int=0xA), UUID(int=0xB)
KINDS = ("application/zip", "application/gzip", "application/octet-stream", "multipart/form-data")
ZIP = {"Content-Type": "application/zip"}
OF_ANA = {"user_id": str(ANA)}
EXPORT = b"PK\x03\x04" + bytes(200_000)
"""It begins like one; nobody opens it here."""


@dataclass
class Place:
    """Where uploads go in a test, and what lies there."""

    setting: LocalSetting
    names: Callable[[], list[str]]


@pytest.fixture
async def storage(setting: LocalSetting) -> AsyncIterator[Place]:
    async with storage_server("service-key") as server:
        server.make_bucket("imports")
        setting.changes |= {"supabase_url": server.url, "supabase_service_role_key": server.key}
        yield Place(setting, lambda: sorted(server.objects))


@pytest.fixture
def folder(setting: LocalSetting, tmp_path: Path) -> Place:
    root = tmp_path / "home" / "uploads"
    setting.changes |= {
        "home": tmp_path / "home",
        "import_roots": os.pathsep.join([str(root), str(setting.root)]),
    }
    return Place(setting, lambda: sorted(map(str, filter(Path.is_file, root.rglob("*")))))


@pytest.fixture(params=["storage", "folder"])
def place(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def event_of(answer: dict[str, Any], source: str) -> ImportReceived:
    return ImportReceived(
        import_id=UUID(answer["import_id"]),
        user_id=ANA,
        run=answer["run"],
        source=source,
        requested_at=datetime.now(UTC),
    )


async def rows(store: Store) -> int:
    return len(await store.list_runs(limit=1000))


async def test_an_upload_becomes_a_memory(storage: Place, store: Store, exports: Path) -> None:
    export = (exports / "small.zip").read_bytes()
    async with faced(storage.setting, ("gateway", *services_of("v2"))) as face:
        answer = await face.client.post("/imports", params=OF_ANA, content=export, headers=ZIP)
        assert answer.status_code == 202, answer.text
        taken = answer.json()
        assert taken.keys() == {"import_id", "run", "state", "pipeline", "events_url"}
        assert answer.headers["location"] == f"/imports/{taken['import_id']}"
        (source,) = storage.names()
        run = await ended(store, event_of(taken, source))
        assert (run.state, run.coverage, run.error) == ("complete", 1.0, None), run
        assert storage.names() == [source]
        again = await face.client.post(f"/imports/{taken['import_id']}/retry")
        assert (again.status_code, again.json()["run"]) == (202, 2)
        assert (await ended(store, event_of(again.json(), source))).state == "complete"


async def test_the_same_content_is_the_same_import_however_it_is_sent(storage: Place, store: Store) -> None:
    async with faced(storage.setting) as face:
        post = face.client.post
        answers = [
            await post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP),
            await post("/imports", params=OF_ANA | {"name": "a.zip"}, content=EXPORT),
            await post("/imports", data=OF_ANA, files={"file": ("Мой чат.zip", EXPORT)}),
            await post("/imports", params=OF_ANA, files={"a": ("x", EXPORT, "text/plain")}, data={"x": "y"}),
        ]
        assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
        assert len({answer.content for answer in answers}) == 1
        (run,) = await store.list_runs()
        assert run.import_id == UUID(answers[0].json()["import_id"])
        assert storage.names() == [run.source], "what goes on has the same bytes already"
        other = await post(
            "/imports", data=OF_ANA | {"lineage": "work", "pipeline": "v1"}, files={"file": ("a", EXPORT)}
        )
        assert other.json()["pipeline"] == "v1"
        assert other.json()["import_id"] != str(run.import_id)
        assert await rows(store) == 2


async def test_a_key_is_answered_the_same_and_its_second_upload_is_taken_away(
    folder: Place, store: Store
) -> None:
    async with faced(folder.setting) as face:

        async def send(key: str, content: bytes = EXPORT, **params: str) -> Any:
            return await face.client.post(
                "/imports", params=OF_ANA | params, content=content, headers=ZIP | {"Idempotency-Key": key}
            )

        first = await send("k")
        (source,) = folder.names()
        for _ in range(3):
            assert (await send("k")).content == first.content
        assert folder.names() == [source]
        for other in ({"content": EXPORT + b"x"}, {"lineage": "work"}, {"replace": "true"}):
            answer = await send("k", **other)  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["status"]) == (422, 422)
        assert folder.names() == [source]
        assert await rows(store) == 1


async def test_what_is_not_taken_leaves_nothing(storage: Place, store: Store) -> None:
    async with faced(storage.setting, imports_unfinished=1, upload_max_bytes=300_000) as face:
        post = face.client.post
        answers = {
            413: post("/imports", params=OF_ANA, content=EXPORT * 2, headers=ZIP),
            415: post("/imports", params=OF_ANA, content=b"%PDF", headers=ZIP),
        }
        for status, sent in answers.items():
            answer = await sent
            assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
        wrong = [
            post("/imports", content=EXPORT, headers=ZIP),
            post("/imports", params={"user_id": "ana"}, content=EXPORT, headers=ZIP),
            post("/imports", params=OF_ANA | {"pipeline": "x"}, content=EXPORT, headers=ZIP),
            post("/imports", params=OF_ANA | {"pipeline": "v9"}, content=EXPORT, headers=ZIP),
            post("/imports", params=OF_ANA | {"lineage": "a\u202eb"}, content=EXPORT, headers=ZIP),
            post("/imports", params=OF_ANA | {"replace": "perhaps"}, content=EXPORT, headers=ZIP),
            post("/imports", params={"user_id": [str(ANA), str(BEN)]}, content=EXPORT, headers=ZIP),
            post("/imports", params=OF_ANA, content=b"", headers=ZIP),
            post("/imports", params=OF_ANA, data={"user_id": str(BEN)}, files={"f": ("a", EXPORT)}),
            post("/imports", params=OF_ANA, data={"pipeline": "x"}, files={"f": ("a", EXPORT)}),
            post("/imports", params=OF_ANA, files=[("f", ("a", EXPORT)), ("g", ("b", b""))]),
            post("/imports", files=[("f", ("a", EXPORT)), ("user_id", (None, str(ANA)))]),
            post("/imports", params=OF_ANA, files=[("f", ("a", EXPORT)), ("user_id", (None, str(BEN)))]),
            post(
                "/imports", params=OF_ANA, content=b"--x--", headers={"Content-Type": "multipart/form-data"}
            ),
        ]
        for sent in wrong:
            answer = await sent
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert (storage.names(), await rows(store)) == ([], 0)
        assert (await post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)).status_code == 202
        (source,) = storage.names()
        more = await post("/imports", params=OF_ANA, content=EXPORT + b"x", headers=ZIP)
        assert (more.status_code, more.headers["retry-after"]) == (429, "60")
        assert (storage.names(), await rows(store)) == ([source], 1)


async def test_fifty_uploads_cut_off_leave_no_object_and_no_row(place: Place, store: Store) -> None:
    async with faced(place.setting) as face:

        async def cut_off(number: int) -> None:
            framing = {"content_length": len(EXPORT)} if number % 2 else {"transfer_encoding": "chunked"}
            sent = EXPORT[: 1 + 4000 * number]
            async with wire(face.host.public_port) as line:
                told = head("POST", f"/imports?user_id={uuid4()}&name=a.zip", **KEYED, **framing)
                body = sent if number % 2 else b"%x\r\n%b\r\n" % (len(sent), sent)
                await line.send(told, body)
                if number % 3:
                    line.cut()
                else:
                    line.writer.write_eof()
                    await line.is_closed()

        for start in range(0, 50, AT_ONCE):
            await asyncio.gather(*(cut_off(number) for number in range(start, min(50, start + AT_ONCE))))
            await until(lambda: place.names() == [])
        assert await rows(store) == 0
        answer = await face.client.post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)
        assert answer.status_code == 202
        assert len(place.names()) == 1


async def test_places_are_bounded_in_all_and_for_each(storage: Place) -> None:
    async with faced(storage.setting) as face, AsyncExitStack() as stack:

        async def begin(user: UUID) -> Wire:
            opened = await stack.enter_async_context(wire(face.host.public_port))
            told = head("POST", f"/imports?user_id={user}&name=a.zip", content_length=len(EXPORT), **KEYED)
            await opened.send(told, EXPORT[:1000])
            return opened

        async def refusal(user: UUID) -> Answer:
            async with wire(face.host.public_port) as line:
                headers: dict[str, Any] = {"content_length": len(EXPORT), "expect": "100-continue", **KEYED}
                await line.send(head("POST", f"/imports?user_id={user}&name=a.zip", **headers))
                return await line.answer()

        async def under_way(count: int) -> None:
            # who asks for a place too soon takes it from one of these
            await until(lambda: face.host.registry.get_sample_value("soulprint_http_uploads") == count)

        lines = [await begin(BEN) for _ in range(AT_ONCE_OF_ONE)]
        await under_way(AT_ONCE_OF_ONE)
        await until_refused(refusal, BEN, 429)
        await under_way(AT_ONCE_OF_ONE)
        lines += [await begin(uuid4()) for _ in range(AT_ONCE - AT_ONCE_OF_ONE)]
        await under_way(AT_ONCE)
        await until_refused(refusal, ANA, 503)
        for line in lines:
            await line.send(EXPORT[1000:])
            assert (await line.answer()).status == 202
            line.cut()
        assert (
            await face.client.post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)
        ).status_code == 202


async def test_a_person_whose_forms_never_come_to_their_file_holds_no_more_places(folder: Place) -> None:
    async with auth_server() as project, AsyncExitStack() as stack:
        face = await stack.enter_async_context(faced(folder.setting, supabase_url=project.url))
        form = {"content_type": "multipart/form-data; boundary=x", "content_length": 1000}
        form |= {"authorization": f"Bearer {project.token(ANA)}"}

        async def begin() -> Wire:
            opened = await stack.enter_async_context(wire(face.host.public_port))
            await opened.send(head("POST", "/imports", **form), b"--x\r\nContent-Disposition: form-data; na")
            return opened

        lines = [await begin() for _ in range(AT_ONCE_OF_ONE)]
        taken = face.host.registry.get_sample_value
        await until(lambda: taken("soulprint_http_uploads") == AT_ONCE_OF_ONE)
        assert (await (await begin()).answer()).status == 429
        lines[0].cut()
        await until(lambda: taken("soulprint_http_uploads") == AT_ONCE_OF_ONE - 1)


async def until_refused(refusal: Callable[[UUID], Any], user: UUID, status: int) -> None:
    async def refused() -> bool:
        answer = await refusal(user)
        return bool(answer.status == status and answer.headers["retry-after"] == "10")

    await until(refused)


async def test_while_the_database_is_away_nothing_is_kept(storage: Place, store: Store) -> None:
    async with door_to(postgres_at(storage.setting.database)) as door:
        storage.setting.database = door.dsn(storage.setting.database)
        async with faced(storage.setting) as face:
            door.refuse()
            answer = await face.client.post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
            assert (storage.names(), await rows(store)) == ([], 0)
            door.open()
            assert (await face.client.post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)).is_success
            assert (len(storage.names()), await rows(store)) == (1, 1)


async def test_while_storage_is_away_it_is_told(setting: LocalSetting, store: Store) -> None:
    async with storage_server("service-key") as server:
        setting.changes |= {"supabase_url": server.url, "supabase_service_role_key": server.key}
        async with faced(setting) as face:
            for server.fails in (1, 0):  # away; there, and without its bucket
                answer = await face.client.post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
                assert "cannot be kept now" in answer.json()["detail"]
    assert await rows(store) == 0


async def test_a_person_uploads_as_themselves(folder: Place, store: Store) -> None:
    async with auth_server() as project, faced(folder.setting, supabase_url=project.url) as face:
        token = {"Authorization": f"Bearer {project.token(ANA)}"}
        for params in ({}, OF_ANA):
            answer = await face.client.post("/imports", params=params, content=EXPORT, headers=ZIP | token)
            assert answer.status_code == 202, answer.text
        assert answer.json()["import_id"] == str(import_id(ANA, f"content\0{sha256(EXPORT).hexdigest()}"))
        answer = await face.client.post("/imports", files={"f": ("a.zip", EXPORT)}, headers=token)
        assert answer.status_code == 202, answer.text
        theirs = {"user_id": str(BEN)}
        before = folder.names()
        for sent in (
            face.client.post("/imports", params=theirs, content=EXPORT, headers=ZIP | token),
            face.client.post("/imports", data=theirs, files={"f": ("a.zip", EXPORT)}, headers=token),
        ):
            assert (await sent).status_code == 403
        nobody = await face.client.post(
            "/imports", params=OF_ANA, content=EXPORT, headers=ZIP | {"Authorization": ""}
        )
        assert nobody.status_code == 401
        assert folder.names() == before
        assert all(f"/{ANA}/" in name for name in before)
        assert await rows(store) == 1


async def test_where_nothing_is_set_up_nothing_is_taken(setting: LocalSetting, tmp_path: Path) -> None:
    async with faced(setting, home=tmp_path) as face:
        described = (await face.client.get("/openapi.json")).json()["paths"]["/imports"]["post"]
        assert {*described["requestBody"]["content"]} == {"application/json", *KINDS}
        assert {each["name"] for each in described["parameters"]} >= {"user_id", "name", "idempotency-key"}
        answer = await face.client.post("/imports", params=OF_ANA, content=EXPORT, headers=ZIP)
        assert (answer.status_code, "no storage is set up" in answer.json()["detail"]) == (501, True)
