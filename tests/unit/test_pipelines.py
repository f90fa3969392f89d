from __future__ import annotations

from shared.log.kafka.cloudevents import EVENT_TYPES
from shared.pipelines import CHUNKS_READY, all_topics, lane_label, live_topics, topic, topics_of


def test_one_function_names_topics() -> None:
    assert topic("import.received") == "import.received"
    assert topic(CHUNKS_READY, "v2") == "chunks.ready.v2"
    assert topic(CHUNKS_READY, "v3", dead=True) == "chunks.ready.v3.dlq"


def test_the_table_is_the_design() -> None:
    assert {s.name: s.key for s in topics_of("v2")} == {
        "import.received": "import_id",
        "import.received.v2": "import_id",
        "chunks.ready.v2": "chunk_id",
        "facts.extracted.v2": "import_id",
        "memory.ready.v2": "user_id",
    }
    assert [s.name for s in topics_of("v1")] == ["import.received", "import.received.v1", "memory.ready.v1"]
    for spec in live_topics("v2"):
        assert spec.key in spec.event.model_fields
        assert spec.event in {t.model for t in EVENT_TYPES}


def test_every_topic_has_a_dead_letter_topic_that_can_take_any_of_its_records() -> None:
    specs = {s.name: s for s in all_topics("v2")}
    assert len(specs) == 14
    for spec in live_topics("v2"):
        dead = specs[f"{spec.name}.dlq"]
        assert int(dead.settings["max.message.bytes"]) > 1_048_588
        assert dead.retention_ms >= spec.retention_ms


def test_a_lane_that_nobody_serves_has_no_label_of_its_own() -> None:
    assert [lane_label(lane, "v3") for lane in ("v1", "v2", "v3", "v999")] == ["v1", "other", "v3", "other"]
