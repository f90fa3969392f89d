from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.events import (
    ChunkReady,
    ChunkStatus,
    ConversationHeader,
    Coverage,
    Event,
    FactCounts,
    FactsExtracted,
    ImportReceived,
    MemoryReady,
    Message,
    Sections,
    Usage,
)
from shared.log.fairness import Line
from shared.log.kafka.cloudevents import EVENT_TYPES, CloudEvents, decode, encode
from shared.resilience.faults import PoisonError
from shared.tracing import current_trace, next_traceparent
from tests.support.local import Wire

IDS: dict[str, Any] = {"import_id": UUID(int=1), "user_id": UUID(int=2), "run": 3}
CHUNK: dict[str, Any] = {"chunk_id": UUID(int=4), "index": 5, "content_hash": "ab"}
EVENTS: list[Event] = [
    ImportReceived(**IDS, source="exports/мой.zip", requested_at=datetime(2024, 1, 2, tzinfo=UTC)),
    ChunkReady(
        **IDS, **CHUNK, token_count=9,
        conversations=(ConversationHeader(id="c", title="Reise 🚲"),),
        messages=(Message(id="m", conversation_id="c", role="user", text="Ich fahre \u0001 gern Rad"),),
    ),
    FactsExtracted(**IDS, **CHUNK, status=ChunkStatus.DEAD, error="the model refused"),
    MemoryReady(
        **IDS, pipeline="v2", memory_md="# Memory", sections=Sections(), usage=Usage(),
        coverage=Coverage(ok=1, dead=0, total=1), facts=FactCounts(),
    ),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_an_event_comes_back_as_it_went(event: Event) -> None:
    value, headers = encode(event, source="chunker", pipeline="v2")
    back, envelope = decode(value, headers, type(event))
    assert back == event
    assert envelope.source == "/soulprint/v2/chunker"
    told = dict(headers)
    assert told["ce_specversion"] == b"1.0"
    assert told["ce_importid"].decode() == str(event.import_id)
    assert told["ce_userid"].decode() == str(event.user_id)
    assert told["ce_run"] == b"3"
    assert datetime.fromisoformat(told["ce_time"].decode()).tzinfo is UTC


REPLAYED = [event.model_copy(update={"priority": "replay"}) for event in EVENTS[:3]]


@pytest.mark.parametrize("event", REPLAYED, ids=lambda e: type(e).__name__)
def test_work_of_a_replay_says_so_in_a_header_and_live_work_has_none(event: Event) -> None:
    value, headers = encode(event, source="chunker", pipeline="v2")
    assert dict(headers)["ce_priority"] == b"replay"
    assert decode(value, headers, type(event))[0] == event
    live = event.model_copy(update={"priority": "live"})
    assert "ce_priority" not in dict(encode(live, source="chunker", pipeline="v2")[1])
    assert "ce_priority" not in dict(encode(EVENTS[3], source="x", pipeline="v2")[1])


@pytest.mark.parametrize("told", [None, b"live", b"", b"urgent", b"REPLAY", b" replay", b"0", b"\xff"])
def test_a_record_is_of_a_replay_only_if_its_header_says_so(told: bytes | None) -> None:
    _, headers = encode(REPLAYED[0], source="x", pipeline="v2")
    record = Wire(b"", headers)
    assert CloudEvents().line(record) == Line(str(UUID(int=2)).encode(), str(UUID(int=1)).encode(), True)
    without = [each for each in headers if each[0] != "ce_priority"]
    assert not CloudEvents().line(Wire(b"", without)).replay
    assert not CloudEvents().line(Wire(b"", [*without, ("ce_priority", told)])).replay


@pytest.mark.parametrize("event", [EVENTS[0], REPLAYED[0], EVENTS[3]], ids=["live", "replay", "neither"])
@pytest.mark.parametrize("told", [b"gone", b"", b"urgent", "dringend ⚠".encode(), None])
def test_a_priority_that_nobody_knows_is_no_reason_to_lose_an_event(event: Event, told: bytes | None) -> None:
    value, headers = encode(event, source="x", pipeline="v2")
    assert decode(value, changed(headers, ce_priority=told), type(event))[0] == event


def test_a_memory_has_no_priority_that_a_header_could_contradict() -> None:
    value, headers = encode(EVENTS[3], source="x", pipeline="v2")
    assert decode(value, changed(headers, ce_priority=b"replay"))[0] == EVENTS[3]


def test_every_event_has_a_type_and_an_example_here() -> None:
    assert {t.model for t in EVENT_TYPES} == {type(e) for e in EVENTS} == set(Event.__subclasses__())


def test_the_same_event_has_the_same_id_and_another_has_another() -> None:
    def id_of(event: Event, pipeline: str = "v2") -> bytes:
        return dict(encode(event, source="x", pipeline=pipeline)[1])["ce_id"]

    chunk = EVENTS[1]
    others = [
        chunk.model_copy(update={"index": 6}),
        chunk.model_copy(update={"run": 4}),
        chunk.model_copy(update={"import_id": UUID(int=9)}),
        EVENTS[2],
    ]
    assert id_of(chunk) == id_of(chunk.model_copy())
    assert len({id_of(chunk), id_of(chunk, "v3"), *map(id_of, others)}) == 6


def changed(headers: list[tuple[str, bytes]], **changes: bytes | None) -> list[tuple[str, bytes | None]]:
    return [(k, v) for k, v in {**dict(headers), **changes}.items() if v != b"gone"]


@pytest.mark.parametrize(
    ("reason", "value", "changes"),
    [
        ("no_value", None, {}),
        ("bad_json", b"", {}),
        ("bad_json", b"\xff\xfe", {}),
        ("bad_json", b'{"run": 1', {}),
        ("wrong_schema", b"null", {}),
        ("wrong_schema", b"[]", {}),
        ("wrong_schema", b"{}", {}),
        ("missing_header", b"same", {"ce_specversion": b"gone"}),
        ("missing_header", b"same", {"ce_type": b"gone"}),
        ("missing_header", b"same", {"ce_id": b""}),
        ("missing_header", b"same", {"ce_source": None}),
        ("bad_header", b"same", {"ce_id": b"\xff"}),
        ("newer_version", b"same", {"ce_specversion": b"2.0"}),
        ("newer_version", b"same", {"ce_type": b"soulprint.import-received.v2"}),
        ("unknown_type", b"same", {"ce_type": b"soulprint.import-received"}),
        ("unknown_type", b"same", {"ce_type": b"soulprint.import-received.v0"}),
        ("unknown_type", b"same", {"ce_type": b"soulprint.something-else.v1"}),
        ("unknown_type", b"same", {"ce_type": b"soulprint.chunk-ready.v1"}),
        ("contradiction", b"same", {"ce_importid": str(UUID(int=77)).encode()}),
        ("contradiction", b"same", {"ce_userid": str(UUID(int=77)).encode()}),
        ("contradiction", b"same", {"ce_run": b"4"}),
        ("contradiction", b"same", {"ce_priority": b"replay"}),
    ],
)
def test_what_cannot_be_read_is_poison_with_its_reason(
    reason: str, value: bytes | None, changes: dict[str, bytes | None]
) -> None:
    good, headers = encode(EVENTS[0], source="x", pipeline="v2")
    with pytest.raises(PoisonError) as caught:
        decode(good if value == b"same" else value, changed(headers, **changes), ImportReceived)
    assert caught.value.reason == reason


def test_a_field_of_a_later_day_is_ignored_and_a_broken_trace_is_no_loss() -> None:
    value, headers = encode(EVENTS[0], source="x", pipeline="v2")
    more = json.dumps({**json.loads(value), "added_later": 1}).encode()
    assert decode(more, changed(headers, traceparent=b"\xff", other=None), ImportReceived)[0] == EVENTS[0]


def test_no_text_of_the_body_is_told() -> None:
    _, headers = encode(EVENTS[2], source="x", pipeline="v2")
    secret = "I never told anybody"
    body = {**json.loads(EVENTS[2].model_dump_json()), "dropped": {secret: secret}, "error": [secret]}
    with pytest.raises(PoisonError) as caught:
        decode(json.dumps(body).encode(), headers)
    assert secret not in str(caught.value)


@given(
    st.binary(max_size=200) | st.none(),
    st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=20) | st.none())),
)
def test_whatever_lies_on_the_log_is_read_or_is_poison(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    _, good = encode(EVENTS[0], source="x", pipeline="v2")
    for head in (headers, [*good, *headers]):
        with pytest.raises(PoisonError):
            decode(value, head)


def test_what_is_published_goes_on_with_the_trace_of_what_was_received() -> None:
    parent = next_traceparent(None)
    token = current_trace.set(parent)
    try:
        _, headers = encode(EVENTS[0], source="x", pipeline="v2")
    finally:
        current_trace.reset(token)
    child = dict(headers)["traceparent"].decode()
    assert child != parent
    assert child.split("-")[1] == parent.split("-")[1]
    assert next_traceparent("nonsense").split("-")[1] != parent.split("-")[1]
