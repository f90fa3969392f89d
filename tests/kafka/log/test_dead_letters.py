from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer

from shared.domain.events import ImportReceived
from shared.log.burial import DEAD_LETTERS
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.resilience.backoff import Backoff
from shared.resilience.faults import PoisonError
from shared.resilience.retry import RetryPolicy
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import Replica, committed, read_all, running, wire
from tests.support.strangers import whole_log
from tests.support.waiting import until

RETRY = RetryPolicy(backoff=Backoff(base=0.05, cap=0.2), attempts=3)


async def test_every_kind_of_bad_record_becomes_a_dead_letter_with_its_provenance(kafka: Broker) -> None:
    topic, group = unique("bad"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1, f"{topic}.dlq": 1})
    value, headers = wire(1)
    named = dict(headers)

    def but(**changed: bytes | None) -> list[tuple[str, bytes | None]]:
        return [(k, v) for k, v in {**named, **changed}.items() if v is not None or k != "ce_type"]

    bad: dict[str, tuple[bytes | None, list[tuple[str, bytes | None]]]] = {
        "no_value": (None, list(headers)),
        "bad_json": (b'{"import_id": ', list(headers)),
        "wrong_schema": (b'{"import_id": "a stranger\'s words"}', list(headers)),
        "missing_header": (value, but(ce_type=None)),
        "bad_header": (value, but(ce_source=b"\xff\xfe")),
        "unknown_type": (value, but(ce_type=b"soulprint.chunk-ready.v1")),
        "newer_version": (value, but(ce_type=b"soulprint.import-received.v9")),
        "contradiction": (value, but(ce_run=b"2")),
        "refused": wire(2),
        "ValueError": wire(3),
    }  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for reason, (body, head) in bad.items():
        await producer.send_and_wait(topic, body, key=reason.encode(), headers=head)
    fine, head = wire(4)
    await producer.send_and_wait(topic, fine, headers=[*head, ("odd", b"\xff"), ("none", None)])
    await producer.stop()
    good: list[int] = []

    async def handle(received: ImportReceived) -> None:
        number = received.import_id.int
        if number == 2:
            raise PoisonError("refused", "this one never works")
        if number == 3:
            raise ValueError("a stranger's words")
        good.append(number)

    replica = Replica(
        kafka.bootstrap,
        topic,
        group,
        per_record("bad", ImportReceived, handle),
        policy=PoolPolicy(retry=RETRY),
    )
    with whole_log() as written:
        async with running(replica):
            await until(lambda: replica.value("soulprint_pool_records_total", stage="bad") == len(bad) + 1)
    assert "stranger" not in written.getvalue()
    assert '"logger": "aiokafka' in written.getvalue()

    letters = {letter.key.decode(): letter for letter in await read_all(kafka.bootstrap, f"{topic}.dlq")}
    assert good == [4]
    assert len(letters) == len(bad)
    for offset, reason in enumerate(bad):
        letter = letters[reason]
        told = dict(letter.headers)
        assert told["dlq_reason"] == reason.encode()
        assert told["dlq_topic"] == topic.encode()
        assert (told["dlq_partition"], told["dlq_offset"]) == (b"0", str(offset).encode())
        assert letter.value == bad[reason][0]
        assert [h for h in letter.headers if not h[0].startswith("dlq_")] == bad[reason][1]
        assert not [name for name, value in told.items() if name.startswith("dlq_") and b"stranger" in value]
    assert dict(letters["ValueError"].headers)["dlq_attempts"] == b"3"
    assert dict(letters["ValueError"].headers)["dlq_error"].startswith(b"ValueError at shared/log/")
    assert dict(letters["refused"].headers)["dlq_error"] == b"this one never works"
    assert await committed(kafka.bootstrap, group, topic, 1) == [len(bad) + 1]


async def test_the_lane_pauses_while_a_dead_letter_cannot_be_written(kafka: Broker) -> None:
    topic, group = unique("nodlq"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1})
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, b"not an event")
    good, headers = wire(5)
    await producer.send_and_wait(topic, good, headers=headers)
    await producer.stop()
    handled = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        handled.set()

    replica = Replica(
        kafka.bootstrap, topic, group, per_record("nodlq", ImportReceived, handle),
        policy=PoolPolicy(ceiling=1, retry=RETRY), request_timeout=1.0,
    )  # fmt: skip
    async with running(replica):
        await until(lambda: DEAD_LETTERS in replica.pool.lane.holds)
        assert not handled.is_set()
        assert await committed(kafka.bootstrap, group, topic, 1) == [0]
        await create_topics(kafka.bootstrap, {f"{topic}.dlq": 1})
        await asyncio.wait_for(handled.wait(), 30)
        await until(lambda: not replica.pool.lane.paused)
    (letter,) = await read_all(kafka.bootstrap, f"{topic}.dlq")
    assert letter.value == b"not an event"
    assert await committed(kafka.bootstrap, group, topic, 1) == [2]
