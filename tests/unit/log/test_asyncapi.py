"""The AsyncAPI document in docs/ is the one that the code gives."""

from __future__ import annotations

from pathlib import Path

from shared.log.kafka.asyncapi import document
from shared.pipelines import topics_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run: make asyncapi"


def test_it_names_every_topic_and_its_event() -> None:
    text = document()
    for spec in topics_of("v2"):
        assert f"{spec.name}:read" in text
        assert f"{spec.name}:write" in text
        assert spec.event.__name__ in text
