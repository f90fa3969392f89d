"""A flood of lines, cut to what somebody could read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any

from structlog import DropEvent


class Withholding:
    """A structlog processor that lets `per_second` lines of a second of the clock through.

    The first line of a kind (its event and its stage) always passes, and again after it was not heard of for
    `forget` seconds. The next line that passes says in `withheld` how many were not written, by event.
    """

    def __init__(
        self, per_second: int = 4, *, forget: float = 10.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._per_second = per_second
        self._forget = forget
        self._clock = clock
        self._second = 0
        self._written = 0
        self._heard: dict[tuple[Any, Any], float] = {}
        self._withheld: Counter[str] = Counter()

    def __call__(self, _: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line, or DropEvent."""
        now = self._clock()
        if int(now) != self._second:
            self._second, self._written = int(now), 0
        kind = (line.get("event"), line.get("stage") or line.get("step"))
        known = now - self._heard.get(kind, -self._forget) < self._forget
        self._heard[kind] = now
        if known and self._written >= self._per_second:
            self._withheld[str(line.get("event"))] += 1
            raise DropEvent
        self._written += 1
        if self._withheld:
            line["withheld"] = dict(self._withheld)
            self._withheld.clear()
        return line
