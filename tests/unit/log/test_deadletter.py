from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from shared.domain.ids import burial_id
from shared.log.deadletter import HEADERS, DeadLetter, bury
from shared.resilience.faults import LaneError, PoisonError

Header = tuple[str, bytes | None]


@dataclass
class Record:
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: list[Header] = field(
        default_factory=lambda: [("ce_id", b"1"), ("odd", None), ("dlq_reason", b"old")]
    )
    topic: str = "chunks.ready.v2"
    partition: int = 3
    offset: int = 99
    timestamp: int = 12345


class Post:
    """Takes what is sent, up to so many bytes."""

    def __init__(self, limit: int = 10_000) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None, dict[str, bytes | None]]] = []
        self.limit = limit

    async def send(
        self, to: str, *, key: bytes | None, value: bytes | None, headers: Sequence[Header]
    ) -> None:
        if len(value or b"") > self.limit:
            raise PoisonError("too_large", "a record too large")
        self.sent.append((to, key, value, dict(headers)))


async def test_a_dead_letter_tells_where_it_comes_from_and_keeps_what_it_was() -> None:
    post = Post()
    await bury(DeadLetter(Record(), PoisonError("refused", "never works"), 4, "extractor"), post)
    ((to, key, value, headers),) = post.sent
    assert (to, key, value) == ("chunks.ready.v2.dlq", b"k", b"v")
    assert [name for name in headers if name.startswith("dlq_")] == [*HEADERS]
    assert headers["dlq_at"]
    del headers["dlq_at"]
    assert headers == {
        "dlq_id": str(burial_id("chunks.ready.v2", 3, 99, 12345)).encode(),
        "dlq_reason": b"refused", "dlq_error_class": b"PoisonError", "dlq_error": b"never works",
        "dlq_attempts": b"4", "dlq_stage": b"extractor", "dlq_topic": b"chunks.ready.v2",
        "dlq_partition": b"3", "dlq_offset": b"99", "dlq_timestamp": b"12345", "ce_id": b"1", "odd": None,
    }  # fmt: skip


def test_the_same_record_is_the_same_burial_and_one_at_another_place_is_not() -> None:
    first = DeadLetter(Record(), PoisonError("refused", "never works"), 4, "extractor").id
    assert DeadLetter(Record(), LaneError("x"), 1, "s").id == first
    others = [replace(Record(), topic="t"), replace(Record(), partition=4), replace(Record(), offset=98)]
    others.append(replace(Record(), timestamp=12346))  # the topic was made anew
    assert len({first, *(DeadLetter(each, LaneError("x"), 1, "s").id for each in others)}) == 5


async def test_of_an_error_that_is_not_ours_only_class_and_place_are_told() -> None:
    post = Post()
    await bury(DeadLetter(Record(), ValueError("a stranger's words"), 1, "s"), post)
    assert post.sent[0][3]["dlq_error"] == b"ValueError"  # it was raised nowhere
    assert post.sent[0][3]["dlq_error_class"] == b"ValueError"


async def test_a_tombstone_without_a_key_and_a_record_too_large_are_buried_too() -> None:
    post = Post(limit=10)
    await bury(DeadLetter(Record(key=None, value=None), LaneError("x"), 1, "s"), post)
    await bury(DeadLetter(Record(value=b"x" * 11), LaneError("x"), 1, "s"), post)
    assert post.sent[0][1:3] == (None, b"")
    assert post.sent[0][3]["dlq_value"] == b"null"
    assert post.sent[1][1:3] == (None, b"")
    assert b"too large" in (post.sent[1][3]["dlq_value"] or b"")
    assert post.sent[1][3]["dlq_offset"] == b"99"


async def test_a_dead_letter_that_cannot_be_sent_at_all_is_an_error() -> None:
    with pytest.raises(PoisonError):
        await bury(DeadLetter(Record(), LaneError("x"), 1, "s"), Post(limit=-1))
