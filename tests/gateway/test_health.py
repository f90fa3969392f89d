"""/livez, /health and /metrics over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from services.gateway import examples
from services.gateway.health import HealthTold
from shared.domain.errors import StoreError
from shared.host.service import Kit
from shared.log.ports import LogUnavailableError
from shared.store.store import Store
from tests.support.face_alone import Alone, faced_alone
from tests.support.ports import free_port

OPEN = {"Authorization": ""}


@pytest.fixture(autouse=True)
def one_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.health.SERVICES", ("writer",))


async def lost() -> None:
    raise LogUnavailableError("Kafka does not answer")


async def test_health_says_what_the_predecessor_says_and_more(face: Alone) -> None:
    answer = await face.client.get("/health", headers=OPEN)
    assert answer.status_code == 200
    body = answer.json()
    assert datetime.fromisoformat(body.pop("timestamp")).tzinfo is not None
    assert body == {
        "status": "healthy",
        "service": "soulprint-rlm",
        "processors_available": True,
        "checks": {"stages": "ok", "database": "ok", "log": "ok", "v1": "none"},
    }
    HealthTold.model_validate(examples.HEALTH)


async def test_without_kafka_or_v1_imports_are_still_taken(store: Store) -> None:
    def without_log(kit: Kit) -> Kit:
        return replace(kit, log_answers=lost)

    nowhere = f"http://127.0.0.1:{free_port()}"
    async with faced_alone(store, changed=without_log, v1_backend_url=nowhere) as face:
        answer = await face.client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["checks"] == {"stages": "ok", "database": "ok", "log": "unwell", "v1": "unwell"}


async def test_without_the_database_or_a_stage_the_gateway_is_not_well(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down(Store):
        async def require_writable(self) -> None:
            raise StoreError("away")

    async with faced_alone(Down(store._transport)) as face:
        answer = await face.client.get("/health")
        assert (answer.status_code, answer.json()) == (503, {"detail": "not well: database"})
        assert (await face.client.get("/livez", headers=OPEN)).json() == {"status": "ok"}
    monkeypatch.setattr("services.gateway.health.SERVICES", ("writer", "missing"))
    async with faced_alone(store) as face:
        answer = await face.client.get("/health")
        assert (answer.status_code, answer.json()) == (503, {"detail": "not well: stages"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_metrics_are_not_public(face: Alone, method: str) -> None:
    answer = await face.client.request(method, "/metrics")
    assert answer.status_code == 404
    assert b"soulprint_" not in answer.content
