"""An import as its owner sees it through the gateway, from the first event to what is served."""

from __future__ import annotations

import time
from pathlib import Path

from shared.store.store import Store
from tests.support.event_stream import EventStream
from tests.support.face import faced
from tests.support.local import LocalSetting
from tests.support.records import ANNA, IMPORT
from tests.support.runs import begin_run
from tests.support.services import HOSTED
from tests.support.waiting import until


async def test_an_import_is_watched_to_its_end_and_then_read(setting: LocalSetting, exports: Path) -> None:
    async with faced(setting, ("gateway", *HOSTED)) as face:
        event = await setting.import_of(exports / "small.zip")

        async def is_known() -> bool:
            return (await face.client.get(f"/imports/{event.import_id}")).status_code == 200

        await until(is_known)
        async with EventStream(face.host.public_port, event.import_id) as stream:
            told = await stream.rest()
        assert [each.event for each in told[-2:]] == ["progress", "end"]
        percents = [each.data["percent"] for each in told]
        assert percents == sorted(percents)
        end = told[-1].data
        assert (end["state"], end["percent"], end["coverage"]) == ("complete", 100, 1)
        assert end["chunks"]["ok"] == end["chunks"]["total"] > 0
        served = (await face.client.get(f"/profiles/{event.user_id}")).json()
        assert (served["import_id"], served["run"]) == (str(event.import_id), 1)
        assert served["memory_md"].startswith("# Memory")
        facts = (await face.client.get(f"/profiles/{event.user_id}/facts")).json()["facts"]
        assert facts
        assert all(fact["quote"] and fact["conversation_id"] for fact in facts)


async def test_streams_end_with_their_process(setting: LocalSetting, store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "imports/anna/export.zip", "v2")
    async with faced(setting) as face:
        stream = await EventStream(face.host.public_port, IMPORT).__aenter__()
        assert await stream.next() is not None
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 3  # not after the 5 s that a stop waits for answers
    assert await stream.rest() == []
    stream.cut()
