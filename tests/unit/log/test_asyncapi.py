"""The AsyncAPI document in docs/ is the one that the code gives, and what it states is so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.domain.events import Event
from shared.log import deadletter
from shared.log.kafka.asyncapi import document
from shared.log.kafka.asyncapi_examples import EXAMPLES
from shared.log.kafka.cloudevents import decode, encode
from shared.pipelines import READERS, all_topics, live_topics, places_of
from shared.resilience.faults import PoisonError

DOCUMENT = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
CONTENT = yaml.safe_load(document())
MESSAGES = CONTENT["components"]["messages"]


def example(event: type[Event]) -> tuple[bytes, dict[str, bytes]]:
    """The example of an event as a record has it."""
    (found,) = MESSAGES[event.__name__]["examples"]
    return json.dumps(found["payload"]).encode(), {k: v.encode() for k, v in found["headers"].items()}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (each for name, each in node.items() if name == "$ref")
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run: make asyncapi"


def test_it_has_every_topic_with_its_event_its_key_and_its_size() -> None:
    events = {spec.name: spec.event.__name__ for spec in live_topics("v2")}
    for spec in all_topics("v2"):
        channel = CONTENT["channels"][spec.name]
        assert [*channel["messages"]] == [events.get(spec.name, "DeadLetter")]
        assert channel["bindings"]["kafka"]["partitions"] == spec.partitions
    for spec in live_topics("v2"):
        key = MESSAGES[spec.event.__name__]["bindings"]["kafka"]["key"]
        assert key["description"].startswith(f"{spec.key},")
    assert len(CONTENT["channels"]) == len(all_topics("v2"))


def test_it_has_the_group_of_every_service() -> None:
    read = set()
    for place in places_of(READERS, "v2"):
        operation = CONTENT["operations"][f"{place.label}.receive"]
        name = place.spec.topic(place.pipeline)
        assert operation["channel"]["$ref"] == f"#/channels/{name}"
        assert operation["bindings"]["kafka"]["groupId"]["enum"] == [place.spec.group(place.pipeline)]
        read.add(name)
    assert read == {spec.name for spec in live_topics("v2")}


def test_it_has_who_publishes_where() -> None:
    for sender, name in (
        ("gateway", "import.received.v2"),
        ("gateway", "import.received.v1"),
        ("router", "import.received.v1"),
        ("quickpass", "memory.ready.v1"),
        ("writer.v1", "memory.ready.v1.dlq"),
    ):
        assert CONTENT["operations"][f"{sender}.send.{name}"]["channel"]["$ref"] == f"#/channels/{name}"
    assert "gateway.receive" not in CONTENT["operations"]


def test_what_it_refers_to_is_there() -> None:
    found = set(references(CONTENT))
    assert found
    for reference in found:
        node = CONTENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


@pytest.mark.parametrize("event", EXAMPLES)
def test_its_examples_are_read_as_the_events_that_they_show(event: type[Event]) -> None:
    value, headers = example(event)
    assert decode(value, headers.items(), event)[0] == EXAMPLES[event]
    written = {name for name, _ in encode(EXAMPLES[event], source="example", pipeline="v2")[1]}
    told = set(MESSAGES[event.__name__]["headers"]["properties"])
    assert written == set(headers) == told - {"ce_priority"}
    assert ("ce_priority" in told) == ("priority" in event.model_fields)


@pytest.mark.parametrize("event", EXAMPLES)
def test_the_headers_that_it_requires_are_those_without_which_a_record_is_refused(event: type[Event]) -> None:
    value, headers = example(event)
    needed = set()
    for name in headers:
        try:
            decode(value, [(k, v) for k, v in headers.items() if k != name], event)
        except PoisonError:
            needed.add(name)
    assert needed == set(MESSAGES[event.__name__]["headers"]["required"])
    properties = MESSAGES[event.__name__]["headers"]["properties"]
    assert {n: p["const"].encode() for n, p in properties.items() if "const" in p} == {
        name: headers[name] for name in ("ce_specversion", "ce_type")
    }


def test_it_has_the_headers_of_dead_letters() -> None:
    headers = MESSAGES["DeadLetter"]["headers"]
    assert headers["required"] == [*deadletter.HEADERS]
    assert [*headers["properties"]] == [*deadletter.HEADERS, deadletter.LEFT_OUT]
