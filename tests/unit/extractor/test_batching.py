"""Chunks that come one by one and go to the provider together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress

import pytest

from services.extractor.batch_desk import BatchDesk
from shared.domain.batches import OpenBatch
from shared.domain.errors import ModelError, ModelUnavailableError, StoreError
from shared.domain.events import ChunkReady, Usage
from shared.models.base import Extraction
from shared.models.ledger import BatchLedger
from tests.support.chunks import chunk_of, said
from tests.support.waiting import until


class Ledger:
    """Keeps what was struck off."""

    def __init__(self) -> None:
        self.struck_off: list[str] = []
        self.down = 0

    async def holding(self, model: str, prompt_version: str, hashes: Sequence[str]) -> Sequence[OpenBatch]:
        return []

    async def opened(self, batch: OpenBatch, instead_of: str | None = None) -> None: ...

    async def void(self, batch_id: str) -> None: ...

    async def stored(self, hashes: Sequence[str]) -> None:
        if self.down:
            self.down -= 1
            raise StoreError("down")
        self.struck_off += hashes


class Batches:
    """A model whose batches end when they are told to."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.end = asyncio.Event()
        self.error: Exception | None = None
        self.spoilt_by: int | None = None
        self.left = 0

    async def extract_batch(
        self, chunks: Iterable[ChunkReady], ledger: BatchLedger
    ) -> AsyncGenerator[tuple[ChunkReady, Extraction | ModelError], None]:
        chunks = list(chunks)
        self.sent.append([chunk.index for chunk in chunks])
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        if self.error is not None:
            raise self.error
        if self.spoilt_by in self.sent[-1]:
            raise StoreError("out of range", sqlstate="22003")
        for chunk in chunks:
            yield chunk, ModelError("refused") if chunk.index == 3 else Extraction((), Usage(calls=1))


def chunk(index: int, content: int | None = None) -> ChunkReady:
    return chunk_of(
        said("m1", "words"), index=index, content_hash=f"{index if content is None else content:032x}"
    )


async def test_chunks_go_together_and_each_gets_its_own_answer() -> None:
    model, ledger = Batches(), Ledger()
    desk = BatchDesk(model, ledger, gather=0.01)
    reading = [asyncio.create_task(desk.read(chunk(index))) for index in (1, 2, 3)]
    twin = asyncio.create_task(desk.read(chunk(9, content=1)))
    await until(lambda: len(model.sent) == 1)
    late = asyncio.create_task(desk.read(chunk(4)))
    again = asyncio.create_task(desk.read(chunk(2)))  # delivered twice
    await until(lambda: len(model.sent) == 2)
    model.end.set()
    one, two, three = await asyncio.gather(*reading)
    assert model.sent == [[1, 2, 3], [4]]
    assert isinstance(three, ModelError)
    for answer, calls in ((one, 1), (two, 1), (await twin, 0), (await late, 1), (await again, 0)):
        assert isinstance(answer, Extraction)
        assert answer.usage.calls == calls
    await desk.close()


async def test_live_chunks_do_not_wait_in_a_batch_with_those_of_a_replay() -> None:
    model = Batches()
    desk = BatchDesk(model, Ledger(), gather=1000.0, most=2)
    replays = [chunk(index).model_copy(update={"priority": "replay"}) for index in range(3)]
    coming = [replays[0], chunk(10), replays[1], replays[2], chunk(11)]
    reading = [asyncio.create_task(desk.read(each)) for each in coming]
    await until(lambda: model.sent == [[0, 1], [10, 11]])
    model.end.set()
    await asyncio.gather(*reading[:3], reading[4])
    await desk.close()
    assert reading[3].cancelled() or await asyncio.wait([reading[3]])


async def test_a_full_batch_waits_for_nobody() -> None:
    model = Batches()
    desk = BatchDesk(model, Ledger(), gather=1000.0, most=2)
    reading = [asyncio.create_task(desk.read(chunk(index))) for index in range(4)]
    await until(lambda: model.sent == [[0, 1], [2, 3]])
    model.end.set()
    await asyncio.gather(*reading)
    await desk.close()


async def test_trouble_with_the_provider_is_everybodys_and_the_next_try_asks_again() -> None:
    model = Batches()
    desk = BatchDesk(model, Ledger(), gather=0.01)
    model.error = ModelUnavailableError("no credit")
    model.end.set()
    failed = await asyncio.gather(*(desk.read(chunk(n)) for n in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [ModelUnavailableError] * 3
    model.error = None
    assert isinstance(await desk.read(chunk(1)), Extraction)
    assert model.sent == [[0, 1, 2], [1]]
    await desk.close()


async def test_a_batch_that_nobody_waits_for_any_more_is_left_to_the_provider() -> None:
    model = Batches()
    desk = BatchDesk(model, Ledger(), gather=0.01)
    reading = [asyncio.create_task(desk.read(chunk(index))) for index in (1, 2)]
    await until(lambda: len(model.sent) == 1)
    reading[0].cancel()
    with suppress(asyncio.CancelledError):
        await reading[0]
    assert model.left == 0
    reading[1].cancel()
    await until(lambda: model.left == 1)
    model.end.set()
    assert isinstance(await desk.read(chunk(1)), Extraction)  # back after a rebalance
    await desk.close()


@pytest.mark.parametrize("down", [0, 1])
async def test_what_is_on_the_log_is_struck_off_the_ledger_though_the_database_was_down(down: int) -> None:
    model, ledger = Batches(), Ledger()
    desk = BatchDesk(model, ledger, gather=0.01)
    ledger.down = down
    desk.stored("a")
    desk.stored("b")
    await desk.close()
    await desk.close()
    assert ledger.struck_off == ["a", "b"]


async def test_a_chunk_that_spoils_its_batch_costs_only_itself() -> None:
    model = Batches()
    model.spoilt_by = 5
    model.end.set()
    desk = BatchDesk(model, Ledger(), gather=0.01)
    answers = await asyncio.gather(
        *(desk.read(chunk(index)) for index in (1, 2, 4, 5, 6, 7)), return_exceptions=True
    )
    assert [type(each) for each in answers] == [Extraction] * 3 + [StoreError] + [Extraction] * 2
    await desk.close()
