"""Live work first, on both logs: turns, places, and live records that lie behind a thousand of a replay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from shared.domain.events import ChunkReady, ImportReceived
from shared.log.fairness import SHARE
from shared.log.policy import PoolPolicy
from shared.log.stage import per_batch, per_record
from shared.log.units import standing_still
from tests.support.chunks import chunk_of, said
from tests.support.logs import LogUnderTest, events, number
from tests.support.waiting import until

REPLAYS, LIVE = 12, 20
IN_FRONT = 1000


def replayed(count: int, of: int = 2) -> list[ImportReceived]:
    """Events of one import of a replay, numbered from 1000 on."""
    return [
        each.model_copy(update={"conversation_count": 1000 + number(each), "priority": "replay"})
        for each in events(count, of)
    ]


def is_live(received: int) -> bool:
    return received < 1000


async def test_live_events_have_most_turns_and_replays_the_rest(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    order: list[int] = []

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        order.append(number(received))

    reader = await log.read(topic, per_record("turns", ImportReceived, handle), policy=PoolPolicy(ceiling=1))
    await log.publish(topic, *replayed(REPLAYS), *events(LIVE))
    await until(lambda: reader.state.waiting == REPLAYS + LIVE - 1)
    go.set()
    await until(lambda: len(order) == REPLAYS + LIVE)
    last = max(place for place, each in enumerate(order) if is_live(each))
    while_live_waits = [is_live(each) for each in order[1 : last + 1]]
    for begin in range(len(while_live_waits) - SHARE + 1):
        assert sum(while_live_waits[begin : begin + SHARE]) >= SHARE - 1
    assert sorted(order) == [*range(LIVE), *range(1000, 1000 + REPLAYS)]
    assert [each for each in order if is_live(each)] == list(range(LIVE)), "an import keeps its order"


async def test_a_batch_is_made_by_turns_too(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    batches: list[list[int]] = []

    async def handle(batch: Sequence[ImportReceived]) -> None:
        await go.wait()
        batches.append([number(each) for each in batch])

    stage = per_batch("batches", ImportReceived, handle, most=SHARE)
    reader = await log.read(topic, stage, policy=PoolPolicy(ceiling=1))
    await log.publish(topic, *replayed(1))
    await until(lambda: reader.state.in_flight == 1)
    await log.publish(topic, *replayed(5)[1:], *events(LIVE))
    await until(lambda: reader.state.waiting == 4 + LIVE)
    go.set()
    await until(lambda: sum(map(len, batches)) == 5 + LIVE)
    assert [sum(map(is_live, batch)) for batch in batches] == [0, SHARE - 1, LIVE - SHARE + 1]


async def test_replays_leave_places_for_live_events_and_have_all_others(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    begun: list[int] = []

    async def handle(received: ImportReceived) -> None:
        begun.append(number(received))
        if not is_live(number(received)):
            await go.wait()

    policy = PoolPolicy(ceiling=4, of_replays=3)
    reader = await log.read(topic, per_record("places", ImportReceived, handle), policy=policy)
    await log.publish(topic, *replayed(REPLAYS))
    await until(lambda: len(begun) == 3 and reader.state.waiting == REPLAYS - 3)
    await log.publish(topic, *events(LIVE))
    await until(lambda: len(begun) == 3 + LIVE)
    assert sorted(filter(is_live, begun)) == list(range(LIVE))
    go.set()
    await until(lambda: len(begun) == REPLAYS + LIVE)


async def test_what_a_replay_waits_for_is_no_lag_and_no_work(log: LogUnderTest) -> None:
    """Nobody waits for it, and alerts say how long somebody does."""
    topic, line, hang = await log.topic(), asyncio.Event(), asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        with standing_still():
            await line.wait()
        await hang.wait()

    reader = await log.read(topic, per_record("lag", ImportReceived, handle), policy=PoolPolicy(ceiling=2))
    await log.publish(topic, *replayed(5))
    await until(lambda: reader.state.in_flight == 2 and reader.state.waiting == 3)
    waited = 0.2
    await asyncio.sleep(waited)
    assert (reader.state.lag_seconds, reader.state.oldest_in_flight) == (0.0, 0.0)
    released = time.monotonic()
    line.set()
    await until(lambda: reader.state.oldest_in_flight > 0.0)
    assert reader.state.oldest_in_flight < time.monotonic() - released + waited
    await log.publish(topic, *events(1))
    await until(lambda: reader.state.lag_seconds > 0.0)
    hang.set()


async def test_a_live_chunk_behind_a_thousand_of_a_replay_is_seen_at_once(log: LogUnderTest) -> None:
    """On one partition, of chunks as they are: 16 MB and more, while nothing of the replay gets done."""
    topic, go = await log.topic(), asyncio.Event()
    live: list[int] = []
    done: set[int] = set()

    async def handle(chunk: ChunkReady) -> None:
        if chunk.priority == "replay":
            await go.wait()
        else:
            live.append(chunk.index)
        done.add(chunk.index)

    policy = PoolPolicy(ceiling=8, of_replays=4)
    await log.read(topic, per_record("in-front", ChunkReady, handle), policy=policy)
    words = said("m", "I ride my bike to work. " * 800)
    chunk = chunk_of(words).model_copy(update={"token_count": 4_000})
    for begin in range(0, IN_FRONT, 100):
        async with asyncio.TaskGroup() as group:
            for index in range(begin, begin + 100):
                of_replay = chunk.model_copy(update={"index": index, "priority": "replay"})
                group.create_task(log.publish(topic, of_replay))
    await log.publish(topic, chunk.model_copy(update={"index": IN_FRONT}))
    await until(lambda: live == [IN_FRONT])
    assert done == {IN_FRONT}
    go.set()
    await until(lambda: len(done) == IN_FRONT + 1)
