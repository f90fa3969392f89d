from __future__ import annotations

import logging
from pathlib import Path

import pytest
from aiokafka import cluster
from aiokafka.consumer import fetcher, group_coordinator

from shared.log.kafka.aiokafka_fixes import _ORDINARY, RateLimit, quieten


def test_a_flood_is_cut_and_what_was_held_back_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("shared.log.kafka.aiokafka_fixes.time.time", lambda: now)
    logger, child = logging.getLogger("flooding"), logging.getLogger("flooding.child")
    quieten("flooding", per_second=3)
    quieten("flooding", per_second=3)
    assert sum(isinstance(f, RateLimit) for f in logger.filters) == 1
    for number in range(100):
        (child if number % 2 else logger).error("line %d", number)
    now += 1
    logger.error("line %d", 100)
    logger.error("line %d", 101)
    lines = [r.getMessage() for r in caplog.records]
    assert lines == ["line 0", "line 1", "line 2", "line 100", "line 101"]
    assert [getattr(r, "held_back", 0) for r in caplog.records] == [0, 0, 0, 97, 0]


def test_what_belongs_to_every_start_is_no_error_and_a_real_one_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("fretting")
    quieten("fretting", per_second=50)
    logger.setLevel(logging.WARNING)
    logger.warning("Marking the coordinator dead (node %s)for group %s.", 1, "g")
    logger.error("Group Coordinator Request failed: %s", "not available")
    assert caplog.records == []
    logger.setLevel(logging.INFO)
    logger.error("Group Coordinator Request failed: %s", "not available")
    logger.error("Topic %s not found in cluster metadata", "t")
    try:
        raise ValueError
    except ValueError:
        logger.exception("Unexpected error in fetcher routine")
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "ERROR"]


def test_the_lines_that_are_taken_for_ordinary_are_the_clients_own() -> None:
    """An upgrade that words them differently is noticed."""
    written = Path(group_coordinator.__file__).read_text() + Path(cluster.__file__).read_text()
    written += Path(fetcher.__file__).read_text()
    assert [line for line in _ORDINARY if line not in written.replace('"\n                "', "")] == []
