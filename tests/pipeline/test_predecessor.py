"""The same requests at the predecessor and at the gateway: equal status, body and fixed values, but for what
is listed. And what is ours beside it: which run it is, in headers; what may not be asked for."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2

from services.gateway.body_rules import JSON_BYTES
from shared.domain.ids import import_id
from shared.store.store import Store
from tests.support.auth_server import auth_server
from tests.support.face import KEY, faced
from tests.support.local import LocalSetting
from tests.support.side_by_side import OPEN, both, seen

U = "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42"
PATH = f"imports/{U}/1732600000000-export.zip"
JSON, TEXT = "application/json", "text/plain"


@dataclass(frozen=True)
class Ask:
    """One request; `body` is JSON unless it is bytes."""

    method: str
    target: str
    body: Any = b""
    kind: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)

    async def of(self, client: httpx2.AsyncClient) -> httpx2.Response:
        """The answer of one of the two."""
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        kind = {"Content-Type": self.kind} if content and self.kind else {}
        return await client.request(self.method, self.target, content=content, headers=self.headers | kind)


IMPORTS = [
    *(
        Ask("POST", route, body, kind)
        for route in ("/process-full-v2", "/import-full", "/retry-full-pass", "/process-full")
        for body, kind in (
            ({"user_id": U, "storage_path": PATH}, JSON),
            ({"user_id": U, "storage_path": PATH, "conversation_count": "12", "x": {"y": [1]}}, JSON),
            ({"user_id": U, "storage_path": PATH, "conversation_count": 3.0, "message_count": 7}, None),
            ({"user_id": U, "storage_path": PATH}, "application/vnd.x+json; charset=utf-8"),
            ({"user_id": U, "storage_path": PATH}, TEXT),
            ({"user_id": 5, "storage_path": ["a"], "conversation_count": "many"}, JSON),
            ({}, JSON),
            ([], JSON),
            (b"", JSON),
            (b"null", JSON),
            (b'{"user_id": ', JSON),
            (b'{"user_id": "\xff"}', JSON),
            (b"[" * 10_000, JSON),
        )
    ),
    Ask("POST", "/process-full", {"user_id": U}),
    Ask("POST", "/process-full", {"user_id": U, "storage_path": None, "conversations": [{"a": 1}]}),
    Ask("POST", "/process-full", {"user_id": U, "conversations": ["a"]}),
    Ask("POST", "/process-full-v2", {"user_id": U}),
    Ask("POST", "/process-full-v2", {"user_id": U, "storage_path": ""}),
    Ask("POST", "/import-full", {"user_id": U, "storage_path": PATH, "file_type": None}),
    Ask("POST", "/import-full", {"user_id": U, "storage_path": PATH, "file_type": "zip"}),
    Ask("GET", "/import-full"),
    Ask("PUT", "/process-full", {"user_id": U}),
    Ask("DELETE", "/retry-full-pass"),
]
OTHERS = [
    Ask("POST", "/query", {"user_id": U, "message": "hi"}),
    Ask("POST", "/query", {"user_id": "system-health-check", "message": "hi"}),
    Ask("POST", "/query", {"user_id": U}),
    Ask("POST", "/query", {"user_id": U, "message": "hi"}, TEXT),
    Ask("POST", "/chat", b"{"),
    Ask("POST", "/chat", b"[" * 10_000),
    Ask("POST", "/analyze", {"user_id": U, "conversations": [{}] * 5}),
    Ask("POST", "/create-soulprint", {"user_id": U, "conversations": ["a string"]}),
    Ask("POST", "/process-import", {}),
    Ask("POST", "/embed-chunks", {"user_id": U}),
    Ask("POST", f"/complete-embeddings/{U}"),
    Ask("GET", f"/embedding-status/{U}"),
    Ask("GET", f"/generate-soulprint/{U}"),
    Ask("GET", "/health-deep"),
    Ask("GET", "/status?verbose=1&verbose=2"),
    Ask("GET", "/test-embed"),
    Ask("GET", "/test-patch"),
    Ask("HEAD", "/test-patch"),
    Ask(
        "OPTIONS", "/query", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    ),
    Ask("GET", "/query/"),
    Ask("POST", "/nothing/here?a=b", {"a": 1}),
    Ask("GET", "/embedding-status/a%2Fb"),
    Ask("PATCH", "/status"),
]
NO_USER = [
    Ask("POST", route, {"user_id": "system-health-check", "storage_path": PATH})
    for route in ("/process-full", "/process-full-v2", "/import-full", "/retry-full-pass")
]


async def test_imports_are_answered_as_the_predecessor_answers_them(setting: LocalSetting) -> None:
    async with both(setting) as (old, client, face):
        for ask in IMPORTS:
            theirs, ours = seen(await ask.of(client)), seen(await ask.of(face.client))
            if theirs[0] in (200, 202):  # Location is ours; Vary is of its Access-Control-*
                ours[2]["location"] = None
            theirs[2]["vary"] = None
            ours[2]["vary"] = None
            assert ours == theirs, ask
        for ask in NO_USER:
            assert (await ask.of(client)).status_code in (200, 202)
            answer = await ask.of(face.client)
            assert answer.status_code == 422
            (error,) = answer.json()["detail"]
            assert (error["type"], error["loc"]) == ("uuid_parsing", ["body", "user_id"])
        sent = Counter(f"{ask.method} {ask.target}" for ask in IMPORTS + NO_USER)
        passed_on = {name: count - sent[name] for name, count in old.state.counts.items()}
        assert +Counter(passed_on) == {"POST /process-full": 2}  # those without a storage_path that hold


async def test_the_rest_is_the_predecessors_own_answer(setting: LocalSetting) -> None:
    async with both(setting) as (old, client, face):
        for ask in OTHERS:
            direct, through = await ask.of(client), await ask.of(face.client)
            assert seen(through) == seen(direct), ask
            assert through.content == direct.content
            assert through.headers.get("content-length") == direct.headers.get("content-length")
            assert not [name for name in through.headers if name.startswith("access-control-")]
        sent = Counter(f"{ask.method} {ask.target.partition('?')[0]}" for ask in OTHERS)
        assert old.state.counts == {name: 2 * count for name, count in sent.items()}
        assert [call.target for call in old.state.calls[::2]] == [
            call.target for call in old.state.calls[1::2]
        ]
        assert not [call for call in old.state.calls[1::2] if "authorization" in call.headers]


async def test_health_says_what_the_predecessor_says_and_more(setting: LocalSetting) -> None:
    async with both(setting) as (_, client, face):
        theirs, ours = (await client.get("/health")).json(), (await face.client.get("/health")).json()
        assert {name for name in theirs if ours[name] != theirs[name]} == {"timestamp"}
        assert datetime.fromisoformat(ours["timestamp"]).tzinfo is not None
        for each in (client, face.client):
            wrong = await each.post("/health", json={})
            assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})


async def test_the_head_form_is_answered_in_its_shape(setting: LocalSetting) -> None:
    good = Ask("POST", "/process-full", {"user_id": U, "storage_path": PATH})
    async with both(setting, "head", legacy_shape="head") as (old, client, face):
        for ask in (good, Ask("POST", "/process-full", {"user_id": U}), Ask("POST", "/process-full", {})):
            theirs, ours = await ask.of(client), await ask.of(face.client)
            assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json())
        assert old.state.counts == {"POST /process-full": 3}


async def test_which_run_it_is_stands_in_headers(setting: LocalSetting, store: Store) -> None:
    async with faced(setting, **OPEN) as face:
        body = {"user_id": U, "storage_path": PATH, "conversation_count": "12", "message_count": -1}
        first = await face.client.post("/process-full", json=body)
        run = import_id(UUID(U), f"source\0{PATH}")
        assert first.json()["job_id"] == first.headers["x-import-id"] == str(run)
        assert first.headers["location"] == f"/imports/{run}"
        assert first.headers["x-import-run"] == "1"
        second = await face.client.post("/import-full", json=body)
        assert (second.headers["x-import-id"], second.headers["x-import-run"]) == (str(run), "1")
        await store.cancel_run(run, 1)
        third = await face.client.post("/retry-full-pass", json=body)
        assert (third.status_code, third.headers["x-import-run"]) == (202, "2")
        assert (await face.client.post("/retry-full-pass", json=body)).headers["x-import-run"] == "2"
    runs = await store.list_runs(run)
    assert [(each.run, each.source, each.pipeline) for each in runs] == [(2, PATH, "v2"), (1, PATH, "v2")]


PATHS_OF_OTHERS = {
    f"imports/{uuid4()}/a.zip": 403,
    f"imports/{U}/../{uuid4()}/a.zip": 422,
    f"imports/{U}/a\0.zip": 422,
    "a.zip": 422,
    f"other/{U}/a.zip": 403,
    "https://evil.example/a.zip": 422,
    "/etc/passwd": 403,
    "x" * 5000: 422,
}


async def test_a_path_that_is_not_the_users_is_refused(setting: LocalSetting, store: Store) -> None:
    async with faced(setting, import_buckets="imports") as face:
        for path, status in PATHS_OF_OTHERS.items():
            for route in ("/process-full", "/process-full-v2", "/import-full", "/retry-full-pass"):
                answer = await face.client.post(route, json={"user_id": U, "storage_path": path})
                assert (answer.status_code, list(answer.json())) == (status, ["detail"]), answer.text
                assert path[:50] not in answer.text
    assert await store.list_runs() == []


async def test_a_persons_token_opens_what_is_theirs(setting: LocalSetting) -> None:
    async with auth_server() as project, both(setting, supabase_url=project.url) as (old, _, face):
        own = {"Authorization": f"Bearer {project.token(UUID(U))}"}
        other = str(uuid4())
        expected = {
            ("POST", "/import-full", U): 202,
            ("POST", "/import-full", other): 403,
            ("POST", "/process-full", other): 403,
            ("GET", f"/generate-soulprint/{U}", ""): 200,
            ("GET", f"/generate-soulprint/{other}", ""): 403,
            ("GET", f"/generate-soulprint/{U}?user_id={other}", ""): 403,
            ("GET", f"/generate-soulprint/%35{U[1:]}", ""): 403,
            ("POST", "/query", U): 403,
            ("GET", "/status", ""): 403,
        }
        for (method, target, user), status in expected.items():
            body = {"user_id": user, "storage_path": f"imports/{user}/a.zip", "message": "hi"}
            answer = await face.client.request(method, target, json=body if user else None, headers=own)
            assert answer.status_code == status, (method, target, answer.text)
        unknown = await face.client.get("/status", headers={"Authorization": "Bearer no"})
        assert (unknown.status_code, list(unknown.json())) == (401, ["detail"])
        assert list(old.state.counts) == [f"GET /generate-soulprint/{U}"]


async def test_a_body_with_conversations_goes_to_the_predecessor_unread(setting: LocalSetting) -> None:
    large = {"user_id": U, "conversations": [{"text": "x" * 1000}] * 200}
    assert len(json.dumps(large)) > JSON_BYTES
    async with both(setting) as (old, _, face):
        answer = await face.client.post("/process-full", json=large)
        assert (answer.status_code, answer.json()["status"]) == (200, "processing")
        assert "x-import-id" not in answer.headers
        (body,) = old.state.taken
        assert len(body.model_dump()["conversations"]) == 200
    del setting.changes["v1_backend_url"]
    async with faced(setting) as face:
        for body, status in ((large, 413), ({"user_id": U}, 400)):
            answer = await face.client.post("/process-full", json=body)
            assert (answer.status_code, list(answer.json())) == (status, ["detail"])
        assert (await face.client.post("/query", json={})).json() == {"detail": "Not Found"}


async def test_a_key_in_the_path_goes_no_further(setting: LocalSetting) -> None:
    async with both(setting) as (old, _, face):
        client = httpx2.AsyncClient(base_url=f"{face.address}/k/{KEY}")
        async with client:
            body = {"user_id": U, "storage_path": PATH}
            assert (await client.post("/import-full", json=body)).status_code == 202
            assert (await client.post("/query", json={"user_id": U, "message": "hi"})).status_code == 200
            wrong = await client.post(f"{face.address}/k/wrong/query", json={})
            assert (wrong.status_code, list(wrong.json())) == (401, ["detail"])
        assert [call.target for call in old.state.calls] == ["/query"]
        assert KEY not in repr(old.state.calls)


async def test_what_we_passed_on_does_not_come_back(setting: LocalSetting, store: Store) -> None:
    async with faced(setting) as face:
        for target in ("/import-full", "/process-full", "/query"):
            body = {"user_id": U, "storage_path": PATH}
            answer = await face.client.post(target, json=body, headers={"X-Soulprint-Hop": "1"})
            assert answer.status_code == (404 if target == "/query" else 508)  # there is no backend
    assert await store.list_runs() == []


async def test_too_many_imports_of_a_user_are_told(setting: LocalSetting) -> None:
    async with faced(setting, imports_unfinished=1) as face:
        statuses = []
        for name in "ab":
            body = {"user_id": U, "storage_path": f"imports/{U}/{name}.zip"}
            answer = await face.client.post("/import-full", json=body)
            statuses.append(answer.status_code)
        assert statuses == [202, 429]
        assert list(answer.json()) == ["detail"]
        assert int(answer.headers["retry-after"]) > 0
