"""How much memory processes hold together with those they started, while something is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LOOK = 0.1
"""Seconds between two looks; what fills 200 MB takes longer."""


@dataclass
class Footprint:
    """The most that each tree held, in MB; a page that several processes share counts once."""

    roots: Mapping[str, int]
    """Process ids by name."""
    most: dict[str, float] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)
    """At the first look."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Look once."""
        for name, root in self.roots.items():
            held = sum(map(_megabytes, _tree(root)))
            self.alone.setdefault(name, held)
            self.most[name] = max(self.most.get(name, 0.0), held)

    def _look_on(self) -> None:
        while not self._stop.wait(LOOK):
            self.look()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look all the time."""
        self.look()
        thread = threading.Thread(target=self._look_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def _tree(root: int) -> Iterator[int]:
    yield root
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{root}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield from _tree(child)


def _megabytes(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
