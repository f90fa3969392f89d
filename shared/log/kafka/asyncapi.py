"""The AsyncAPI document of the log: `make asyncapi` writes it to docs/, a test holds it current."""

from __future__ import annotations

import sys
from typing import Any

import yaml
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from shared.domain.events import Event
from shared.pipelines import topics_of

PIPELINE = "v2"
TITLE = "SoulPrint"
DESCRIPTION = (
    "Events are JSON in Kafka's CloudEvents 1.0 binary binding. Every topic T has a dead-letter topic T.dlq, "
    "which takes the records of T as they came, with what happened in their headers."
)


def document() -> str:
    """The document as YAML. Needs no broker; the same tables give the same text."""
    broker = KafkaBroker("kafka:9092", apply_types=False)
    for spec in topics_of(PIPELINE):
        broker.subscriber(spec.name, title=f"{spec.name}:read", description=f"Keyed by {spec.key}.")(
            _handler(spec.name, spec.event)
        )
        broker.publisher(
            spec.name, schema=spec.event, title=f"{spec.name}:write", description=f"Keyed by {spec.key}."
        )
    specification = AsyncAPI(broker, title=TITLE, version=PIPELINE, description=DESCRIPTION)
    # FastStream keeps subscribers in a set: sorted, the text does not depend on the process.
    content = specification.to_specification().to_jsonable()
    return str(yaml.safe_dump(content, sort_keys=True, allow_unicode=True))


def _handler(topic: str, event: type[Event]) -> Any:
    async def receive(event: Any) -> None:
        """Only its signature is read."""

    receive.__annotations__ = {"event": event, "return": None}
    receive.__name__ = f"receive_{topic.replace('.', '_')}"
    return receive


if __name__ == "__main__":
    sys.stdout.write(document())
