"""What a dead letter says of itself is believed only as far as it can be."""

from __future__ import annotations

from dataclasses import fields
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import ids
from shared.log.burials import Burial, burial_of, id_of, is_dead, is_left_out, place_of, record_of
from shared.log.deadletter import HEADERS
from shared.log.reading import RawRecord

CHUNKS = place_of("chunks.ready.v2")
assert CHUNKS is not None
NAMES = [*HEADERS, "dlq_value", "ce_id", "ce_importid", "ce_userid", "ce_run"]


def letter(
    *headers: tuple[str, bytes | None], key: bytes | None = b"k", value: bytes | None = b"{}"
) -> RawRecord:
    return RawRecord("p.chunks.ready.v2.dlq", 0, 7, 1_700_000_000_000, key, value, headers)


def test_topics_of_ours_are_known_by_their_names() -> None:
    for name, found in {
        "import.received": ("import.received", None),
        "import.received.v1.dlq": ("import.received", "v1"),
        "facts.extracted.v2": ("facts.extracted", "v2"),
        "chunks.ready.dlq": ("chunks.ready", None),
    }.items():
        place = place_of(name)
        assert place is not None
        assert (place.name, place.pipeline) == found
    for name in ("", "orders", "chunks.ready.v2.v3", "staging.chunks.ready.v2.dlq", "chunks.read", "a.b.dlq"):
        assert place_of(name) is None, name
    assert is_dead("memory.ready.v2.dlq")
    assert not is_dead("memory.ready.v2")
    assert not is_dead("orders.dlq")


def test_what_we_wrote_is_read() -> None:
    dlq, event, import_id, user, chunk = (uuid4() for _ in range(5))
    found = burial_of(
        letter(
            ("dlq_id", str(dlq).encode()),
            ("dlq_reason", b"bad_json"),
            ("dlq_error_class", b"PoisonError"),
            ("dlq_error", b"never kept"),
            ("dlq_attempts", b"5"),
            ("dlq_stage", b"writer.v1"),
            ("dlq_partition", b"3"),
            ("dlq_offset", b"12"),
            ("ce_id", str(event).encode()),
            ("ce_importid", str(import_id).encode()),
            ("ce_userid", str(user).encode()),
            ("ce_run", b"2"),
            key=str(chunk).encode(),
        ),
        CHUNKS,
    )
    assert found == Burial(
        dlq,
        1_700_000_000_000,
        2,
        3,
        12,
        event,
        import_id,
        user,
        2,
        chunk,
        "bad_json",
        "PoisonError",
        5,
        "writer.v1",
    )


def test_of_a_letter_without_headers_its_place_tells() -> None:
    bare = letter(key=None, value=None)
    found = burial_of(bare, CHUNKS)
    assert found.id == ids.burial_id(bare.topic, 0, 7, bare.timestamp) == id_of(bare)
    assert {getattr(found, f.name) for f in fields(found)[3:]} == {None}


def test_a_ce_id_that_is_no_uuid_is_known_by_a_digest() -> None:
    one, same, other = (
        burial_of(letter(("ce_id", text)), CHUNKS).ce_id for text in (b"evt-1", b"evt-1", b"evt-2")
    )
    assert one == same != other
    assert burial_of(letter(("ce_id", b"")), CHUNKS).ce_id is None


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.binary(max_size=80)), max_size=12),
    st.none() | st.binary(max_size=40),
    st.integers(-(2**63), 2**63),
)
def test_whatever_stands_there_only_ids_numbers_and_words_are_taken(
    headers: list[tuple[str, bytes | None]], key: bytes | None, timestamp: int
) -> None:
    record = RawRecord("chunks.ready.v2.dlq", 0, 7, timestamp, key, b"", tuple(headers))
    found = burial_of(record, CHUNKS)
    for field in fields(found):
        value = getattr(found, field.name)
        if isinstance(value, str):
            assert value.isascii()
            assert len(value) <= 64
            assert not set(value) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
        elif isinstance(value, int):
            assert 0 <= value < 2**53
        else:
            assert value is None or isinstance(value, UUID)


@pytest.mark.parametrize("said", [b"null", b"left out: the record is too large", None])
def test_the_record_is_as_it_was_but_for_what_says_that_it_is_dead(said: bytes | None) -> None:
    own = [("ce_id", b"x"), ("traceparent", None), ("ce_id", b"y")]
    left_out = [] if said is None else [("dlq_value", said)]
    dead = letter(("dlq_id", b"i"), *own, *left_out, key=b"\xff", value=b"v")
    assert record_of(dead) == (b"\xff", None if said == b"null" else b"v", own)
    assert is_left_out(dead) == (said is not None and said != b"null")
