"""Gateways side by side over one database and one Kafka."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest

from shared.host import host
from shared.pipelines import IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.face import faced
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting
from tests.support.waiting import until

GATEWAYS = 4
ASKED = 200


@pytest.mark.slow
async def test_asked_at_all_of_them_at_once_it_is_one_import(
    setting: Setting, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "OF_A_FACE", 2)  # the embedded server takes 50 connections in all
    asked = {}
    async with AsyncExitStack() as stack:
        faces = [await stack.enter_async_context(faced(setting)) for _ in range(GATEWAYS)]
        for headers in ({"Idempotency-Key": "once"}, {}):
            user = uuid4()
            body = {"source": f"imports/{user}/1-a.zip", "user_id": str(user)}
            answers = await asyncio.gather(
                *(
                    faces[n % GATEWAYS].client.post("/imports", json=body, headers=headers)
                    for n in range(ASKED)
                )
            )
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.content for answer in answers}) == 1
            import_id = UUID(answers[0].json()["import_id"])
            (run,) = await store.list_runs(import_id)
            assert run.run == 1
            asked[import_id] = headers
        await until(lambda: setting.published(IMPORT_RECEIVED, len(asked)))
    records = await read_all(setting.bootstrap, setting.topic(IMPORT_RECEIVED), PARTITIONS)
    offered = [UUID((record.key or b"").decode()) for record in records]
    assert set(offered) == asked.keys()
    (keyed,) = [import_id for import_id, headers in asked.items() if headers]
    assert (
        offered.count(keyed) == 1
    )  # without a key each that asks offers it again, and its run is taken once
