"""What publishers rely on, whichever log they are on, and what both logs tell of themselves."""

from __future__ import annotations

import asyncio

import pytest

from shared.domain.events import ImportReceived, MemoryReady
from shared.log.policy import PoolPolicy
from shared.log.ports import TOO_LARGE
from shared.log.stage import per_record
from shared.pipelines import MAX_EVENT_BYTES
from shared.resilience.backoff import Backoff
from shared.resilience.faults import PoisonError, TransientError
from shared.resilience.retry import RetryPolicy
from shared.tracing import current_trace
from tests.support.logs import LogUnderTest, events, number
from tests.support.records import memory_of
from tests.support.replica import event
from tests.support.waiting import until

RETRY = RetryPolicy(backoff=Backoff(base=0.01, cap=0.02), attempts=3)


def of_size(size: int, letter: str) -> MemoryReady:
    """An event of exactly so many bytes, or up to three less, most of them this letter."""
    bare = memory_of(memory_md="")
    room = size - len(bare.model_dump_json().encode())
    return bare.model_copy(update={"memory_md": letter * (room // len(letter.encode()))})


@pytest.mark.parametrize("letter", ["x", "ß", "字", "🌱"])
async def test_an_event_over_the_limit_is_refused_and_one_at_the_limit_arrives(
    log: LogUnderTest, letter: str
) -> None:
    topic, arrived = await log.topic(), asyncio.Event()

    async def handle(received: MemoryReady) -> None:
        assert received.memory_md == largest.memory_md
        arrived.set()

    largest = of_size(MAX_EVENT_BYTES, letter)
    await log.read(topic, per_record("size", MemoryReady, handle))
    with pytest.raises(PoisonError, match="the limit is 1000000") as refused:
        await log.publish(topic, of_size(MAX_EVENT_BYTES + 4, letter))
    assert refused.value.reason == TOO_LARGE
    await log.publish(topic, largest)
    await asyncio.wait_for(arrived.wait(), 30)


async def test_what_is_published_while_an_event_is_in_work_goes_on_with_its_trace(log: LogUnderTest) -> None:
    first, second = await log.topic(), await log.topic()
    traces: asyncio.Queue[str | None] = asyncio.Queue()

    async def pass_on(received: ImportReceived) -> None:
        await traces.put(current_trace.get())
        await log.publish(second, received)

    async def end(_: ImportReceived) -> None:
        await traces.put(current_trace.get())

    await log.read(first, per_record("first", ImportReceived, pass_on))
    await log.read(second, per_record("second", ImportReceived, end))
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    token = current_trace.set(given)
    try:
        await log.publish(first, event())
    finally:
        current_trace.reset(token)
    found = [await asyncio.wait_for(traces.get(), 30) for _ in range(2)]
    spans = [(trace or "").split("-") for trace in (given, *found)]
    assert {trace for _, trace, _, _ in spans} == {"0af7651916cd43dd8448eb211c80319c"}
    assert len({span for _, _, span, _ in spans}) == 3


async def test_pools_and_publishers_count_alike(log: LogUnderTest) -> None:
    """Ten events: one works at its third attempt, one never."""
    topic, tries = await log.topic(), 0

    async def handle(received: ImportReceived) -> None:
        nonlocal tries
        if number(received) == 3:
            tries += 1
            if tries < 3:
                raise TransientError("not yet")
        if number(received) == 7:
            raise PoisonError("refused", "this one never works")

    stage = per_record("counted", ImportReceived, handle)
    reader = await log.read(topic, stage, policy=PoolPolicy(retry=RETRY))
    await log.publish(topic, *events(10))
    own, place = {"stage": "counted"}, {"stage": "counted", "topic": topic, "partition": "0"}
    await until(lambda: log.value("soulprint_pool_watermark", **place) == 10)
    await until(lambda: log.value("soulprint_pool_commits_total", **own) > 0)
    assert {
        "published": log.value("soulprint_publisher_records_total", topic=topic),
        "letters published": log.value("soulprint_publisher_records_total", topic=f"{topic}.dlq"),
        "records": log.value("soulprint_pool_records_total", **own),
        "retries": log.value("soulprint_pool_retries_total", fault="transient", **own),
        "letters": log.value("soulprint_pool_dead_letters_total", reason="refused", **own),
        "ok": log.value("soulprint_stage_seconds_count", outcome="ok", **own),
        "error": log.value("soulprint_stage_seconds_count", outcome="error", **own),
        "assignments": log.value("soulprint_pool_rebalances_total", **own),
        "failed commits": log.value("soulprint_pool_commit_failures_total", **own),
        "highest": log.value("soulprint_pool_highest_seen", **place),
        "in flight": log.value("soulprint_pool_in_flight", **own),
        "waiting": log.value("soulprint_pool_waiting", **own),
    } == {
        "published": 10,
        "letters published": 1,
        "records": 10,
        "retries": 2,
        "letters": 1,
        "ok": 9,
        "error": 3,
        "assignments": 1,
        "failed commits": 0,
        "highest": 9,
        "in flight": 0,
        "waiting": 0,
    }
    assert reader.state.lag_records == 0
