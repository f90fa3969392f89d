"""Who may, through a whole gateway: people by their tokens, keys in paths, tickets between two gateways."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from shared.domain.events import ImportReceived
from shared.domain.ids import shadow_id
from shared.domain.runs import RunKind
from shared.store.store import Store
from tests.support.auth_server import AuthServer, auth_server
from tests.support.face import KEY, called, faced
from tests.support.local import LocalSetting

ANA, BEN = UUID(int=0xA), UUID(int=0xB)


@pytest.fixture(scope="module")
async def project() -> AsyncIterator[AuthServer]:
    async with auth_server() as server:
        yield server


def new(user: UUID) -> dict[str, str]:
    """An import to ask for."""
    return {"source": f"imports/{user}/1732600000000-export.zip", "user_id": str(user)}


async def test_people_see_and_do_what_is_theirs_while_keys_change(
    setting: LocalSetting, project: AuthServer
) -> None:
    async with faced(setting, supabase_url=project.url) as face:
        ana = {"Authorization": f"Bearer {project.token(ANA)}"}
        taken = await face.client.post("/imports", json=new(ANA), headers=ana)
        assert taken.status_code == 202, taken.text
        address = f"/imports/{taken.json()['import_id']}"
        project.add("next")
        ben = {"Authorization": f"Bearer {project.token(BEN, 'next')}"}
        assert (await face.client.post("/imports", json=new(BEN), headers=ben)).status_code == 202
        assert (await face.client.post("/imports", json=new(ANA), headers=ben)).status_code == 403
        for method, path in (
            ("DELETE", address),
            ("POST", f"{address}/retry"),
            ("POST", f"{address}/events/ticket"),
        ):
            assert (await face.client.request(method, path, headers=ben)).status_code == 404
        assert (
            await face.client.post("/imports", json=new(BEN) | {"user_id": "nora"}, headers=ana)
        ).status_code == 422
        assert (await face.client.delete(address, headers=ana)).status_code == 202


async def test_a_ticket_of_one_gateway_opens_the_events_at_another(setting: LocalSetting) -> None:
    async with faced(setting) as one, faced(setting) as other:
        taken = (await one.client.post("/imports", json=new(ANA))).json()
        answer = await one.client.post(f"/imports/{taken['import_id']}/events/ticket")
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        ticket = answer.json()
        assert ticket["events_url"] == f"{taken['events_url']}?ticket={ticket['ticket']}"
        async with called(other.host.public_port) as client:
            del client.headers["Authorization"]
            async with client.stream("GET", ticket["events_url"]) as events:
                assert events.status_code != 401
            for path in (
                f"/imports/{uuid4()}/events?ticket={ticket['ticket']}",
                f"/imports/{taken['import_id']}?ticket={ticket['ticket']}",
            ):
                assert (await client.get(path)).status_code == 401
        assert (await one.client.post(f"/imports/{uuid4()}/events/ticket")).status_code == 404


async def test_a_key_in_a_path_is_in_no_log_and_no_metric(
    setting: LocalSetting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines:
        async with faced(setting) as face:
            del face.client.headers["Authorization"]
            for path in (
                f"/k/{KEY}/import-full",
                f"/k/{KEY}/health",
                f"/k/{KEY}/query",
                f"/k/{KEY}/imports",
                f"/k/{KEY}x/import-full",
                f"//k/{KEY}/import-full",
                f"/imports/{uuid4()}/events?ticket={KEY}",
            ):
                for method in ("GET", "POST", "OPTIONS"):
                    answer = await face.client.request(method, path, content=b"{")
                    assert answer.status_code < 500
                    assert KEY not in answer.text + str(answer.headers)
            metrics = await face.client.get(f"http://127.0.0.1:{face.host.port}/metrics")
            assert metrics.status_code == 200
    assert KEY not in str(lines) + metrics.text
    ours = [each for each in caplog.records if not each.name.startswith(("httpx2", "httpcore2"))]
    assert not any(KEY in f"{each.getMessage()} {each.args}" for each in ours)


async def test_the_document_says_what_is_asked_for(setting: LocalSetting) -> None:
    async with faced(setting) as face:
        del face.client.headers["Authorization"]
        for _ in range(2):
            document = (await face.client.get("/openapi.json")).json()
            assert document["components"]["securitySchemes"].keys() == {"bearer", "ticket"}
            assert document["security"] == [{"bearer": []}]
            assert "security" not in document["paths"]["/imports"]["post"]


async def test_a_shadow_is_the_services_alone(
    setting: LocalSetting, project: AuthServer, store: Store
) -> None:
    async with faced(setting, supabase_url=project.url) as face:
        ana = {"Authorization": f"Bearer {project.token(ANA)}"}
        primary = UUID((await face.client.post("/imports", json=new(ANA), headers=ana)).json()["import_id"])
        event = ImportReceived(
            import_id=shadow_id(primary, "v2"),
            parent_id=primary,
            user_id=ANA,
            run=1,
            source=new(ANA)["source"],
            requested_at=datetime.now(UTC),
            kind=RunKind.SHADOW,
        )
        await store.take_run(event, variant="", pipeline="v2", profile_format="app")
        address = f"/imports/{event.import_id}"
        for method, path in (
            ("GET", address),
            ("GET", f"{address}/events"),
            ("POST", f"{address}/events/ticket"),
            ("POST", f"{address}/retry"),
            ("DELETE", address),
        ):
            assert (await face.client.request(method, path, headers=ana)).status_code == 404, path
        assert (await face.client.get(address)).json()["state"] == "chunking"
        assert (await face.client.delete(address)).status_code == 202
