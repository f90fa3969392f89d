"""Topics that do not exist, at the start and later, and dead-letter topics that take nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from prometheus_client import CollectorRegistry

from shared.host.host import Host
from shared.host.services import opener_of
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED, MAX_DEAD_LETTER_BYTES
from shared.store.store import Store
from tests.support.kafka import Broker, create_topics, delete_topics
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, ended, hosted, reasons
from tests.support.waiting import until


async def page(host: Host, path: str) -> tuple[int, str]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{host.port}", trust_env=False) as client:
        answer = await client.get(path)
        return answer.status_code, answer.text


async def says(host: Host, path: str, text: str, status: int) -> bool:
    found, body = await page(host, path)
    return found == status and text in body


async def test_a_service_waits_for_its_topic_and_goes_on_when_it_is_created(
    kafka: Broker, database: str, store: Store, exports: Path
) -> None:
    setting = Setting(kafka.bootstrap, database, exports, changes={"extract_workers": 0})
    host = Host({"chunker": opener_of("chunker")}, setting.settings(), CollectorRegistry())
    running = asyncio.create_task(host.run())
    await until(lambda: host.port != 0)
    missing = setting.topic(IMPORT_RECEIVED)
    wanted = f"topics do not exist: {missing}; run `soulprint topics create`"
    await until(lambda: says(host, "/readyz", wanted, 503))
    assert (await page(host, "/livez"))[0] == 200
    await setting.make_topics()
    await until(lambda: says(host, "/readyz", "", 200))
    event = await setting.import_of(exports / "gone.zip")
    assert (await ended(store, event)).state == "failed"
    host.stop()
    await running


@pytest.mark.slow
@pytest.mark.parametrize(("noticed", "partitions"), [(True, 1), (False, PARTITIONS)])
async def test_a_topic_deleted_under_a_service_is_told_and_read_again_from_its_beginning(
    setting: Setting, store: Store, exports: Path, noticed: bool, partitions: int
) -> None:
    async with hosted(setting, ("chunker",)) as host:
        for _ in range(3):
            await ended(store, await setting.import_of(exports / "gone.zip"))
        name = setting.topic(IMPORT_RECEIVED)
        await delete_topics(setting.bootstrap, name)
        if noticed:
            await until(lambda: says(host, "/readyz", f"the topic {name} does not exist", 503))
            assert (await page(host, "/livez"))[0] == 200
        await create_topics(setting.bootstrap, {name: partitions})
        event = await setting.import_of(exports / "gone.zip")
        assert (await ended(store, event)).state == "failed"
        await until(lambda: says(host, "/readyz", "", 200))
    assert await reasons(setting, IMPORT_RECEIVED) == []


@pytest.mark.slow
async def test_an_import_waits_for_a_topic_that_its_service_writes_to(
    setting: Setting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.kafka.publisher._MISSING", 0.5)
    async with hosted(setting) as host:
        assert (await ended(store, await setting.import_of(exports / "small.zip"))).state == "complete"
        chunks = setting.topic(CHUNKS_READY)
        await delete_topics(setting.bootstrap, chunks)
        event = await setting.import_of(exports / "small.zip")
        wanted = f"chunker: paused (faults: NoTopicError: Kafka has no topic {chunks}; "
        await until(lambda: says(host, "/readyz", wanted, 503))
        await create_topics(setting.bootstrap, {chunks: 1})
        run = await ended(store, event)
        assert (run.state, run.coverage) == ("complete", 1.0), run
        await until(lambda: says(host, "/readyz", "", 200))
    assert await reasons(setting, IMPORT_RECEIVED) == []


@pytest.mark.slow
async def test_while_no_dead_letter_can_be_written_the_lane_waits_and_nothing_is_lost(
    kafka: Broker, database: str, store: Store, exports: Path
) -> None:
    setting = Setting(kafka.bootstrap, database, exports, changes={"extract_workers": 0})
    letters = setting.topic(CHUNKS_READY, dead=True)
    await create_topics(kafka.bootstrap, {letters: 1}, max_message_bytes=10)
    await setting.make_topics()
    async with hosted(setting) as host:
        await setting.send_raw(CHUNKS_READY, b"not an event")
        wanted = "extractor: paused (dead letters: cannot write a dead letter: "
        await until(lambda: says(host, "/readyz", wanted, 503))
        assert await says(host, "/livez", "", 200)
        shown = {"stage": "extractor", "hold": "dead letters"}
        await until(lambda: host.registry.get_sample_value("soulprint_pool_paused", shown) == 1.0)
        event = await setting.import_of(exports / "small.zip")
        await until(lambda: setting.published(CHUNKS_READY, 2))
        assert not any(run.chunks_ok for run in await store.list_runs(event.import_id))
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        mended = {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, letters, configs=mended)])
        await admin.close()
        run = await ended(store, event)
        assert (run.state, run.coverage) == ("complete", 1.0), run
        await until(lambda: says(host, "/readyz", "", 200))
        await until(lambda: host.registry.get_sample_value("soulprint_pool_paused", shown) is None)
    (letter,) = await read_all(setting.bootstrap, letters)
    headers = dict(letter.headers)
    assert headers["dlq_reason"] == b"missing_header"
    # The topic may be mended between the try of the whole record and that without its value, which says so.
    assert (letter.value, headers.get("dlq_value", b"")) in (
        (b"not an event", b""),
        (b"", b"left out: the record is too large"),
    )
