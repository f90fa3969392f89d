"""Everything here takes minutes in `make chaos`; `make test-all` has a short form of most."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.kafka import kafka

__all__ = ["kafka"]
NEED_MINUTES = (
    "test_acls.py",  # Kafka's own tool; tests/kafka/services/test_rights.py grants by itself
    "test_broker_stopped.py",  # half a minute; a producer that recovers by itself is not replaced
    "test_embeddings.py",
    "test_fallback.py",  # tests/pipeline/test_fallback_run.py has it without kills
    "test_gray.py",
    "test_linear.py",  # tests/unit/test_linear_*.py have it with fewer texts
    "test_hostile_events.py",
    "test_hostile_exports.py",  # tests/pipeline/test_hostile_exports.py has small ones
    "test_outage.py",
    "test_predecessor.py",
    "test_replay_bills.py",  # tests/pipeline/test_replay_cost.py has it with a few
    "test_replay.py",  # tests/pipeline/test_replays.py has it with one who drives after the other
    "test_requeue.py",  # tests/kafka/services/test_dead_letters.py has one that is ended
    "test_shadow.py",  # tests/pipeline/test_shadow_routing.py has it without kills
    "test_silence.py",
    "test_storm.py",
    "test_worst_case.py",  # tests/acceptance/test_worst_case.py has all carriers in one history
)
collect_ignore = [] if os.environ.get("CHAOS") else [*NEED_MINUTES]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it is slow, in its short form too."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
