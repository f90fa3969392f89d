from __future__ import annotations

import logging

import pytest

from shared.log.quiet import RateLimit, quieten


def test_a_flood_is_cut_and_what_was_held_back_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("shared.log.quiet.time.monotonic", lambda: now)
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
    assert lines == ["line 0", "line 1", "line 2", "line 100 (and 97 lines held back)", "line 101"]
