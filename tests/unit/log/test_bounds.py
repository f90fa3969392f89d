"""What a field of an event may hold: over its bound it is poison where it is decoded, and no text is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain import bounds
from shared.domain.events import ChunkReady, ConversationHeader, Event, FactsExtracted, Message, Usage
from shared.domain.sections import LINES, TEXT_CHARS
from shared.exports.formats.fields import MAX_TITLE
from shared.exports.formats.identity import MAX_ID_CHARS
from shared.log.kafka.cloudevents import decode, encode
from shared.log.ports import OUT_OF_BOUNDS, TOO_LARGE
from shared.pipelines import MAX_EVENT_BYTES
from shared.resilience.faults import PoisonError
from tests.support.records import fact_of, memory_of, result_of
from tests.unit.log.test_cloudevents import EVENTS

IMPORT, CHUNK, _, _ = EVENTS
RESULT, MEMORY = result_of(0, [fact_of("a")]), memory_of()

OVER: list[tuple[Event, str, Any]] = [
    *((event, "run", value) for event in EVENTS for value in (0, -1, 2**31, 2**63, 2**70, 10**400)),
    *((event, "index", value) for event in (CHUNK, RESULT) for value in (-1, 2**31 - 1, 2**31, 2**70)),
    *((event, "total", value) for event in (CHUNK, RESULT) for value in (0, 2**31)),
    *((IMPORT, name, v) for name in ("conversation_count", "message_count") for v in (-1, 2**31, 2**70)),
    *((CHUNK, "token_count", value) for value in (-1, 2**31, 2**70)),
    *((CHUNK, "messages.0.part", value) for value in (-1, 2**31)),
    (RESULT, "dropped", {"pasted": 2**31}),
    (RESULT, "dropped", {"p" * 201: 1}),
    *((RESULT, "usage." + name, v) for name in ("calls", "output_tokens") for v in (-1, 2**53, 2**70)),
    *((RESULT, "usage.cost", value) for value in (-0.01, 1.1e9, 1e308, float("inf"), float("nan"))),
    *((RESULT, "facts.0.confidence", value) for value in (-0.1, 1.1, float("inf"), float("nan"))),
    *((MEMORY, "facts.kept", value) for value in (-1, 2**53)),
    *((MEMORY, "coverage.dead", value) for value in (-1, 2**31)),
    (MEMORY, "coverage.ok", 2),
    *(
        (event, name, time)
        for event, name in (
            (IMPORT, "requested_at"),
            (CHUNK, "messages.0.created_at"),
            (CHUNK, "conversations.0.created_at"),
            (RESULT, "facts.0.stated_at"),
        )
        for time in (
            "9999-12-31T23:59:59-12:00",
            "9999-01-01T00:00:00Z",
            "9998-12-31T23:00:00-01:00",
            "0001-01-01T00:00:00+12:00",
            "1970-01-01T00:00:00+00:01",
            "2024-05-01T12:00:00",
            -1,
        )
    ),
    (IMPORT, "source", "s" * 4097),
    (CHUNK, "content_hash", ""),
    (CHUNK, "content_hash", "a" * 65),
    (CHUNK, "content_hash", "ab\n"),
    *((CHUNK, place, "i" * 257) for place in ("messages.0.id", "messages.0.conversation_id")),
    (CHUNK, "conversations.0.title", "t" * 501),
    *((RESULT, name, "n" * 201) for name in ("model", "prompt_version")),
    (RESULT, "error", "e" * 2001),
    (RESULT, "facts.0.statement", "s" * 1001),
    (RESULT, "facts.0.quote", ""),
    (RESULT, "facts.0.message_ids", []),
    (RESULT, "unread", ["u"] * 20_001),
    (MEMORY, "pipeline", "v" * 201),
    (IMPORT, "source", "s\0"),
    (CHUNK, "messages.0.text", "a secret\0"),
    (RESULT, "dropped", {"a secret\0": 1}),
    (MEMORY, "memory_md", "a secret\0"),
    (MEMORY, "sections.soul.boundaries", "s" * (TEXT_CHARS + 1)),
    (MEMORY, "sections.soul.personality_traits", ["a secret" * 200]),
    (MEMORY, "sections.user.interests", ["i"] * (LINES + 1)),
    (MEMORY, "sections.tools.references", {"likely_usage": [["a secret"]]}),
]
WITHIN: list[tuple[Event, str, Any]] = [
    *((event, "run", value) for event in EVENTS for value in (1, 2**31 - 1)),
    *((event, "index", value) for event in (CHUNK, RESULT) for value in (0, 2**31 - 2)),
    (CHUNK, "total", 2**31 - 1),
    (CHUNK, "messages.0.text", "in a program: \\u0000"),
    (RESULT, "usage.output_tokens", 2**53 - 1),
    (RESULT, "usage.cost", None),
    *((RESULT, "facts.0.confidence", value) for value in (0, 1)),
    *((IMPORT, "requested_at", v) for v in ("1970-01-01T00:00:00Z", "9998-12-31T23:59:59.999999Z")),
    (IMPORT, "requested_at", "2024-05-01T12:00:00+02:00"),
    (IMPORT, "source", "s" * 4096),
    (RESULT, "unread", ["u"] * 20_000),
    *((RESULT, "facts.0.valid_from", value) for value in ("0001-01-01", "9999-12-31")),
]


def changed(event: Event, place: str, value: Any) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The event as a record, with another value at this place."""
    encoded, headers = encode(event, source="x", pipeline="v2")
    body = json.loads(encoded)
    *path, name = (int(part) if part.isdigit() else part for part in place.split("."))
    at = body
    for part in path:
        at = at[part]
    at[name] = value
    return json.dumps(body).encode(), [each for each in headers if each[0] != "ce_run"]


@pytest.mark.parametrize(("event", "place", "value"), OVER, ids=lambda value: f"{value!s:.40}"[:40])
def test_what_is_over_its_bound_is_poison(event: Event, place: str, value: Any) -> None:
    with pytest.raises(PoisonError) as caught:
        decode(*changed(event, place, value), type(event))
    assert caught.value.reason == OUT_OF_BOUNDS
    told = str(caught.value)
    assert place.split(".")[0] in told
    assert "secret" not in told
    assert len(told) < 200


@pytest.mark.parametrize(("event", "place", "value"), WITHIN, ids=lambda value: f"{value!s:.40}"[:40])
def test_what_is_at_its_bound_is_read(event: Event, place: str, value: Any) -> None:
    decode(*changed(event, place, value), type(event))


def test_a_value_over_the_size_of_events_is_poison_before_it_is_read() -> None:
    value, headers = encode(IMPORT, source="x", pipeline="v2")
    with pytest.raises(PoisonError) as caught:
        decode(value + b" " * MAX_EVENT_BYTES, headers)
    assert caught.value.reason == TOO_LARGE


def test_an_error_is_clipped_where_a_result_is_made() -> None:
    assert isinstance(CHUNK, ChunkReady)
    result = FactsExtracted.of(CHUNK, error="the provider said \0" + "e" * 5000)
    back, _ = decode(*encode(result, source="x", pipeline="v2"))
    assert isinstance(back, FactsExtracted)
    assert back.error == "the provider said " + "e" * 1981 + "…"


def test_sums_stay_within_what_a_sum_may_hold() -> None:
    most = Usage(calls=bounds.WHOLE, output_tokens=bounds.WHOLE, cost=bounds.DOLLARS)
    assert most + most == most


def test_what_an_export_gives_at_most_is_within_bounds() -> None:
    longest = MAX_ID_CHARS * "i" + "-200000"  # a message's, of an id that repeats
    chunk = CHUNK.model_copy(
        update={
            "conversations": (ConversationHeader(MAX_ID_CHARS * "i", MAX_TITLE * "t"),),
            "messages": (Message(longest, MAX_ID_CHARS * "i", "user", "words"),),
        }
    )
    assert decode(*encode(chunk, source="x", pipeline="v2"))[0] == chunk
