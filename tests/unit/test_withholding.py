from __future__ import annotations

from typing import Any

import pytest
from structlog import DropEvent

from shared.logs import Withholding


class Log:
    """A log at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines: list[dict[str, Any]] = []
        self._withholding = Withholding(3, forget=10.0, clock=lambda: self.now)

    def say(self, event: str, times: int = 1, **fields: Any) -> None:
        for _ in range(times):
            try:
                self.lines.append(dict(self._withholding(None, "info", {"event": event, **fields})))
            except DropEvent:
                continue


def test_a_flood_is_cut_and_the_next_line_tells_how_many_were_withheld() -> None:
    log = Log()
    log.say("attempt failed", times=20, stage="extractor")
    assert len(log.lines) == 3
    log.now += 1
    log.say("commit failed")
    assert log.lines[3:] == [{"event": "commit failed", "withheld": {"attempt failed": 17}}]
    log.say("commit failed")
    assert log.lines[4:] == [{"event": "commit failed"}]


def test_the_first_line_of_a_kind_passes_through_a_flood_and_again_when_it_was_forgotten() -> None:
    log = Log()
    log.say("attempt failed", times=20, stage="extractor")
    for _ in range(2):
        log.say("lane paused")
        log.say("attempt failed", stage="writer")
    assert [line["event"] for line in log.lines[3:]] == ["lane paused", "attempt failed"]
    log.now += 11
    log.say("attempt failed", times=5, stage="extractor")
    log.say("lane paused", times=2)
    assert [line["event"] for line in log.lines[5:]] == [*["attempt failed"] * 3, "lane paused"]


@pytest.mark.parametrize("events", [1, 2, 5])
def test_a_long_flood_never_passes_the_limit_after_its_first_second(events: int) -> None:
    log = Log()
    for _ in range(50):
        log.now += 0.1
        for number in range(events):
            log.say(f"event {number}", times=10)
    assert len(log.lines) <= 3 * 6 + events
