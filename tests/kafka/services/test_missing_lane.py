"""A lane whose topic does not exist: its imports wait in the database, and all others go on."""

from __future__ import annotations

import pytest

from shared.pipelines import IMPORT_RECEIVED, V1, topic
from shared.store.store import Store
from tests.support.kafka import create_topics, delete_topics
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, hosted
from tests.support.waiting import until


@pytest.mark.slow
async def test_imports_of_a_lane_without_a_topic_wait_and_the_others_do_not(
    setting: Setting, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.kafka.publisher._MISSING", 0.5)
    monkeypatch.setattr("shared.requests.lanes.REST_SECONDS", 1.0)
    for bound in ("OLD_SECONDS", "LOOK_SECONDS", "LEASE_SECONDS"):
        monkeypatch.setattr(f"shared.requests.relay.{bound}", 0.2)
    lane = setting.prefix + topic(IMPORT_RECEIVED, V1)
    await delete_topics(setting.bootstrap, lane)
    await store.change_policy({"share": 0}, by="ops", reason="all to v1")
    async with hosted(setting, ("router", "consolidator")) as host:

        def well() -> bool:
            states = [state for each in host.running if (state := each.state()) is not None]
            return len(states) == 2 and not any(pool.holds for pool, _ in states)

        entrance = setting.entrance
        lost = [setting.event_of("b/p") for _ in range(80)]  # more than the router has in flight
        nobodys = setting.event_of("b/p", pipeline="v999")
        served = [setting.event_of("b/p", pipeline="v2") for _ in range(5)]
        await setting.publish(entrance, *lost, nobodys)
        await setting.publish(entrance, *served)
        await until(lambda: setting.published(IMPORT_RECEIVED, 5))

        async def kept() -> bool:
            return len(await store.list_runs(limit=200)) == len(lost) + 1

        await until(kept)
        assert well(), "no lane of a service is held"
        await create_topics(setting.bootstrap, {lane: PARTITIONS})

        async def offered() -> bool:
            records = await read_all(setting.bootstrap, lane, PARTITIONS)
            return {record.key for record in records} == {str(each.import_id).encode() for each in lost}

        await until(offered)
        assert well()
        (run,) = await store.list_runs(nobodys.import_id)
        assert (run.state, run.pipeline) == ("received", "v999"), "it waits for somebody who serves it"
