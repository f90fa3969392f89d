"""Dead letters of a log in memory, for weeks: the newest are kept, in bounds, and nothing else by them."""

from __future__ import annotations

import gc
import weakref
from itertools import count

import pytest

from shared.log import letters as module
from shared.log.deadletter import DeadLetter
from shared.log.letters import Letters
from shared.log.local import LocalRecord
from shared.resilience.faults import PoisonError
from tests.support.chunks import chunk_of, said

TOPIC = "chunks.ready.v2.dlq"
NUMBERS = count()


class Held:
    """What a stage had at hand when it failed."""


def failed(held: Held) -> Exception:
    def stage(at_hand: Held) -> None:
        try:
            raise KeyError("the cause")
        except KeyError as cause:
            raise PoisonError("odd", "this chunk is odd") from cause

    try:
        stage(held)
    except PoisonError as error:
        return error
    raise AssertionError


def letter(weight: int = 100, error: Exception | None = None) -> DeadLetter:
    event = chunk_of(said("m1", "I live in Porto."))
    record = LocalRecord("chunks.ready.v2", next(NUMBERS), 1, b"k", event, weight, "")
    return DeadLetter(record, error or PoisonError("odd", "odd"), 1, "extractor")


async def test_the_newest_are_kept_within_a_bound_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LETTER_BYTES", 1000)
    letters = Letters()
    for _ in range(30):
        letters.keep(TOPIC, letter(100))
    assert len(letters.of(TOPIC)) == 10
    letters.keep(TOPIC, letter(5000))
    assert len(letters.of(TOPIC)) == 1, "the last one is kept, however large"
    letters.keep(TOPIC, letter(100))
    spans = await letters.spans(TOPIC)
    assert (spans[0].begin, spans[0].end) == (31, 32)
    assert [r.offset async for records in letters.read(TOPIC, spans) for r in records] == [31]


async def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LETTERS", 5)
    letters = Letters()
    for _ in range(30):
        letters.keep(TOPIC, letter())
    assert (await letters.spans(TOPIC))[0].begin == 25


async def test_a_letter_keeps_nothing_alive_that_its_stage_had_at_hand() -> None:
    letters, held = Letters(), Held()
    alive = weakref.ref(held)
    letters.keep(TOPIC, letter(error=failed(held)))
    del held
    gc.collect()
    assert alive() is None
    assert letters.of(TOPIC)[0].message == "this chunk is odd"
