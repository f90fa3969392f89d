"""What whoever reads beside the readers relies on, whichever log it is."""

from __future__ import annotations

import pytest

from shared.domain.events import ImportReceived, MemoryReady
from shared.log.policy import PoolPolicy
from shared.log.reading import RawRecord, Reading, Span
from shared.log.stage import per_record
from shared.resilience.faults import PoisonError
from tests.support.logs import LogUnderTest, events, number
from tests.support.replica import event
from tests.support.waiting import until


async def all_of(reading: Reading, topic: str, spans: dict[int, Span] | None = None) -> list[RawRecord]:
    """Every record of a topic, or of these spans of it."""
    found = await reading.spans(topic) if spans is None else spans
    return [record async for records in reading.read(topic, found) for record in records]


async def test_dead_letters_are_read_with_all_that_is_known_of_them(log: LogUnderTest) -> None:
    topic = await log.topic()

    async def refuse(received: ImportReceived) -> None:
        raise PoisonError("refused", f"number {number(received)} never works")

    await log.read(topic, per_record("refusing", ImportReceived, refuse), policy=PoolPolicy(ceiling=1))
    await log.publish(topic, *events(5))

    async def buried(count: int) -> bool:
        return len(await log.letters(topic)) == count

    await until(lambda: buried(5))
    reading, letters = log.log.reading(), f"{topic}.dlq"
    assert await reading.spans(letters) == {0: Span(0, 5)}
    found = await all_of(reading, letters)
    assert [each.offset for each in found] == [0, 1, 2, 3, 4]
    assert sorted(number(reading.decode(each, ImportReceived)) for each in found) == [0, 1, 2, 3, 4]
    for each in found:
        headers = dict(each.headers)
        assert (headers["dlq_reason"], headers["dlq_topic"]) == (b"refused", topic.encode())
        assert headers["ce_importid"] == str(event().import_id).encode()
        assert headers["ce_userid"] == str(event().user_id).encode()
        assert headers["ce_run"] == b"1"
        assert (each.topic, each.partition, each.key) == (letters, 0, str(event().import_id).encode())
        with pytest.raises(PoisonError):
            reading.decode(each, MemoryReady)
    assert await all_of(reading, letters, {0: Span(1, 3)}) == found[1:3]
    times = [each.timestamp for each in found]
    assert await reading.spans(letters, since=times[-1] + 1) == {0: Span(5, 5)}
    assert await reading.spans(letters, until=times[0]) == {0: Span(0, 0)}
    assert await reading.spans(letters, since=times[0], until=times[-1] + 1) == {0: Span(0, 5)}
    assert await all_of(reading, letters, {0: Span(5, 5)}) == []


async def test_of_a_topic_that_there_is_not_there_is_nothing(log: LogUnderTest) -> None:
    reading = log.log.reading()
    assert await reading.spans("no-such-topic") == {}
    assert await all_of(reading, "no-such-topic") == []
