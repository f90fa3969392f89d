from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.extractor.lookups import MOST, Lookups
from shared.domain.errors import StoreError
from shared.domain.events import ChunkReady
from shared.store.driving import CachedExtraction, LookUp
from tests.support.chunks import chunk_of, said


class Database:
    def __init__(self) -> None:
        self.calls: list[int] = []
        self.down = False
        self.refused: set[int] = set()
        self.sqlstate = "22003"

    async def look_up(self, chunks: Sequence[ChunkReady]) -> LookUp:
        self.calls.append(len(chunks))
        await asyncio.sleep(0)
        if self.down:
            raise StoreError("down")
        if self.refused & {c.index for c in chunks}:
            raise StoreError("out of range", sqlstate=self.sqlstate)
        odd = {(c.user_id, c.import_id, c.run, c.index): "repeated" for c in chunks if c.index % 2}
        known = {(c.user_id, c.content_hash): CachedExtraction(facts=()) for c in chunks if c.index == 4}
        return LookUp(odd, known)


def chunk(index: int) -> ChunkReady:
    return chunk_of(said("m1", "hello"), index=index, content_hash=f"{index:02}")


async def test_what_is_asked_at_once_goes_in_one_call_and_each_gets_its_own_answer() -> None:
    database = Database()
    lookups = Lookups(database.look_up)
    found = await asyncio.gather(*(lookups.of(chunk(index)) for index in range(10)))
    assert database.calls == [10]
    assert [each.refusal for each in found] == [None, "repeated"] * 5
    assert [index for index, each in enumerate(found) if each.known] == [4]


async def test_what_comes_while_one_call_is_under_way_goes_in_the_next() -> None:
    database = Database()
    lookups = Lookups(database.look_up)
    await asyncio.gather(*(lookups.of(chunk(index)) for index in range(MOST + 3)))
    assert database.calls == [MOST, 3]


async def test_an_error_reaches_all_that_asked_and_the_next_call_is_made() -> None:
    database = Database()
    lookups = Lookups(database.look_up)
    database.down = True
    found = await asyncio.gather(*(lookups.of(chunk(index)) for index in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [StoreError] * 3
    database.down = False
    assert (await lookups.of(chunk(0))).refusal is None


async def test_one_that_gave_up_does_not_hold_up_the_others() -> None:
    lookups = Lookups(Database().look_up)
    leaver, stayer = (asyncio.create_task(lookups.of(chunk(index))) for index in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    assert (await stayer).refusal == "repeated"
    with pytest.raises(asyncio.CancelledError):
        await leaver


@pytest.mark.parametrize("sqlstate", ["22003", "57014"])
async def test_a_chunk_that_spoils_the_call_costs_only_itself(sqlstate: str) -> None:
    database = Database()
    database.refused, database.sqlstate = {3, 20}, sqlstate
    lookups = Lookups(database.look_up)
    found = await asyncio.gather(*(lookups.of(chunk(index)) for index in range(24)), return_exceptions=True)
    assert {index for index, each in enumerate(found) if isinstance(each, StoreError)} == {3, 20}


async def test_a_database_that_is_down_is_not_asked_for_each_chunk() -> None:
    database = Database()
    database.down = True
    lookups = Lookups(database.look_up)
    await asyncio.gather(*(lookups.of(chunk(index)) for index in range(24)), return_exceptions=True)
    assert database.calls == [24]
