"""The AsyncAPI document of the log: `make asyncapi` writes it to docs/, a test holds it current.

Made from the tables of services and topics, the models of the events and what really encodes them, so that it
states only what is so: FastStream's own document gives every message a correlation id, and knows neither
headers nor keys.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import yaml

from shared.domain.events import Event
from shared.log import deadletter
from shared.log.kafka.asyncapi_examples import EXAMPLES, PIPELINE, REQUESTED_AT
from shared.log.kafka.asyncapi_schemas import schemas_of
from shared.log.kafka.cloudevents import EVENT_TYPES, PRIORITY, SPEC_VERSION, encode
from shared.pipelines import MAX_EVENT_BYTES, SERVICES, Place, TopicSpec, live_topics, places_of, topic

TITLE = "SoulPrint"
DESCRIPTION = (
    "Events are JSON in Kafka's CloudEvents 1.0 binary binding: the attributes are record headers, the value "
    "is the event. An app publishes to import.received and may read the other topics as groups of its own; "
    "docs/events.md tells how, with examples. Every topic T has a dead-letter topic T.dlq. A deployment with "
    "KAFKA_PREFIX has it before the name of every topic and group. Delivery is at least once. A field, or a "
    "header, that a reader does not know is to be ignored."
)
_BINDING = "0.5.0"
"""The version of AsyncAPI's Kafka bindings that the document speaks."""
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_LETTER = "DeadLetter"


def document() -> str:
    """The document as YAML. Needs no broker; the same tables give the same text."""
    specs = live_topics(PIPELINE)
    letters = {spec.dead.name: _channel(spec.dead, _LETTER) for spec in specs}
    content = {
        "asyncapi": "3.0.0",
        "info": {"title": TITLE, "version": PIPELINE, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "kafka:9092",
                "protocol": "kafka",
                "description": "KAFKA_BOOTSTRAP_SERVERS; KAFKA_SECURITY_PROTOCOL says how it is spoken to.",
            }
        },
        "channels": {spec.name: _channel(spec, spec.event.__name__) for spec in specs} | letters,
        "operations": {
            name: operation
            for place in places_of(SERVICES, PIPELINE)
            for name, operation in _operations(place).items()
        },
        "components": {
            "messages": {spec.event.__name__: _message(spec) for spec in reversed(specs)}
            | {_LETTER: _letter()},
            "schemas": schemas_of(EXAMPLES),
        },
    }
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))


def _channel(spec: TopicSpec, message: str) -> dict[str, Any]:
    keyed = f"Keyed by {spec.key}." if message != _LETTER else "Keyed as the record that was set aside."
    configuration: dict[str, Any] = {"cleanup.policy": ["delete"], "retention.ms": spec.retention_ms}
    configuration |= {name: int(value) for name, value in spec.config.items()}
    return {
        "address": spec.name,
        "description": keyed,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {
                "topic": spec.name,
                "partitions": spec.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(place: Place) -> Mapping[str, Any]:
    service, operations = place.spec, {}
    sends = place.publishes
    if service.reads is not None:
        reads = service.topic(place.pipeline)
        group = {
            "groupId": {"type": "string", "enum": [service.group(place.pipeline)]},
            "bindingVersion": _BINDING,
        }
        operations[f"{place.label}.receive"] = _operation("receive", reads) | {"bindings": {"kafka": group}}
        sends = (*sends, topic(reads, dead=True))
    return operations | {f"{place.label}.send.{name}": _operation("send", name) for name in sends}


def _operation(action: str, name: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}}


def _message(spec: TopicSpec) -> dict[str, Any]:
    event = spec.event
    return {
        "name": event.__name__,
        "summary": (event.__doc__ or "").strip(),
        "description": f"Keyed by {spec.key}. At most {MAX_EVENT_BYTES} bytes of value, before compression.",
        "headers": _headers(event),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"{spec.key}, as text in UTF-8."},
                "bindingVersion": _BINDING,
            }
        },
        "examples": [_example(EXAMPLES[event])],
    }


def _headers(event: type[Event]) -> dict[str, Any]:
    (kind,) = (each for each in EVENT_TYPES if each.model is event)
    special: dict[str, dict[str, Any]] = {
        "ce_specversion": {"const": SPEC_VERSION},
        "ce_type": {"const": kind.wire},
        "ce_id": {
            "minLength": 1,
            "description": "The same for the same event, however often it is published. Ours are UUIDs.",
        },
        "ce_source": {"minLength": 1, "description": "Who published it."},
        "ce_time": {"format": "date-time", "description": "When; ours have it."},
        "content-type": {"description": "application/json; not looked at."},
        "traceparent": {"description": "W3C Trace Context; ours have it."},
    }
    repeated = {"description": "Where it is there: what the field of this name in the value says, as text."}
    if "priority" in event.model_fields:
        special[PRIORITY] = {
            "description": "`replay`: the work stands behind what people wait for. Without it, it is live.",
        }
    written, _ = zip(*encode(EXAMPLES[event], source="example", pipeline=PIPELINE)[1], strict=True)
    headers = dict.fromkeys([*written, *special])
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_type", "ce_id", "ce_source"],
        "properties": {name: {"type": "string", **special.get(name, repeated)} for name in headers},
    }


def _example(event: Event) -> dict[str, Any]:
    value, headers = encode(event, source="example", pipeline=PIPELINE)
    told = {name: text.decode() for name, text in headers}
    told |= {"ce_time": REQUESTED_AT.isoformat(), "traceparent": _TRACE}  # else each time others
    return {"name": type(event).__name__, "headers": told, "payload": yaml.safe_load(value)}


def _letter() -> dict[str, Any]:
    return {
        "name": _LETTER,
        "summary": "A record that can never be handled, set aside.",
        "description": (
            "Key, value and headers as they came, whatever they are; before the headers stand those of dlq_. "
            "docs/operations.md lists the reasons."
        ),
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "required": [*deadletter.HEADERS],
            "properties": {
                name: {"type": "string", "description": meaning}
                for name, meaning in (
                    *deadletter.HEADERS.items(),
                    (deadletter.LEFT_OUT, "Only without the value: null, or why it was left out."),
                )
            },
        },
        "payload": {"description": "The value of the record, byte for byte."},
    }


if __name__ == "__main__":
    sys.stdout.write(document())
