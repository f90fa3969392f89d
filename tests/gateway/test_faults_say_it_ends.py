"""What breaks says when its route ends, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.gateway import deprecation
from shared.domain.errors import StoreError
from shared.store.store import Store
from tests.support.face_alone import faced_alone
from tests.support.records import ANNA

BODY = {"user_id": str(ANNA), "storage_path": f"imports/{ANNA}/a.zip"}


class Taking:
    """A store that cannot take imports."""

    def __init__(self, store: Store, fault: Exception) -> None:
        self._store, self._fault = store, fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def accept_import(self, *_: Any, **__: Any) -> Any:
        raise self._fault


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "status"), [(StoreError("away"), 503), (RuntimeError("x"), 500)])
async def test_a_fault_says_when_its_route_ends(
    store: Store, fault: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deprecation, "LOOK_SECONDS", 30.0)  # however busy this machine is
    await store.change_policy({"deprecated_at": "2026-01-02T03:04:05Z"}, by="ops", reason="a test")
    broken: Any = Taking(store, fault)
    async with faced_alone(store, changed=lambda kit: replace(kit, store=broken)) as face:
        answer = await face.client.post("/process-full", json=BODY)
        assert (answer.status_code, answer.headers["deprecation"]) == (status, "@1767323045")
        assert 'rel="successor-version"' in answer.headers["link"]
        assert "deprecation" not in (await face.client.post("/import-full", json=BODY)).headers
