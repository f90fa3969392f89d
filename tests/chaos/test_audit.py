"""The audit of the chaos test finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED
from tests.support.audit import Audit
from tests.support.chunks import chunk_of, said
from tests.support.kafka import Broker
from tests.support.records import result_of
from tests.support.services import Setting


async def test_records_committed_and_not_done_are_named(kafka: Broker, database: str, tmp_path: Path) -> None:
    setting = Setting(kafka.bootstrap, database, tmp_path)
    await setting.make_topics()
    audit = Audit(setting)
    chunk, result = chunk_of(said("m1", "I live in Porto.")), result_of(0)
    await setting.publish(setting.topic(CHUNKS_READY), chunk)
    await setting.publish(setting.topic(FACTS_EXTRACTED), result)
    assert await audit.unfinished() == [], "nothing is committed yet"
    assert await audit.lag() == {CHUNKS_READY: 1, FACTS_EXTRACTED: 1}
    await setting.lose(CHUNKS_READY, "extractor")
    (chunk_lost,) = await audit.unfinished()
    assert str(chunk.import_id) in chunk_lost
    await setting.lose(FACTS_EXTRACTED, "consolidator")
    assert len(await audit.unfinished()) == 2
    assert await audit.lag() == {}
