"""What the tests of workers have them do. A worker imports this, so it imports nothing heavy."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Generator
from typing import Any

from shared.domain.errors import UnreadableExportError


class _Named:
    """Does what the argument names."""

    def __init__(self, argument: dict[str, Any]) -> None:
        self._argument = argument
        self._at = 0

    def progress(self) -> Any:
        """How many values it has given."""
        return [self._at, "x" * 200_000] if self._argument["what"] == "goes_on_unheard" else self._at

    def run(self) -> Generator[Any, None, Any]:
        """The answer of the function that the argument names."""
        return (yield from getattr(self, self._argument["what"])())

    def counts(self) -> Generator[Any, None, Any]:
        for n in range(self._argument["upto"]):
            self._at = n + 1
            yield [n, "x" * self._argument.get("size", 0)]
        return {"counted": self._argument["upto"]}

    def refuses(self) -> Generator[Any, None, Any]:
        yield 1
        raise UnreadableExportError("conversations.json: it is no export")

    def breaks(self) -> Generator[Any, None, Any]:
        yield 1
        raise KeyError("a person's words")

    def dies(self) -> Generator[Any, None, Any]:
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    def idles(self) -> Generator[Any, None, Any]:
        yield 1
        while True:
            sum(range(1000))

    def holds_the_interpreter(self) -> Generator[Any, None, Any]:
        yield 1
        re.match(r"(a*)*b", "a" * 60)

    def fills_the_memory(self) -> Generator[Any, None, Any]:
        yield 1
        kept = []
        while True:
            kept.append(bytearray(1024 * 1024))

    def goes_on(self) -> Generator[Any, None, Any]:
        """Slower than a patience, but on."""
        for _ in range(self._argument["upto"]):
            began = time.process_time()
            while time.process_time() - began < 0.2:
                sum(range(1000))
            self._at += 1
        yield self._at
        return None

    def goes_on_unheard(self) -> Generator[Any, None, Any]:
        """Tells so much of how far it is that there is soon no room for it."""
        began = time.process_time()
        while time.process_time() - began < self._argument["seconds"]:
            self._at += 1
        yield "through"
        return None

    def holds_it_for_a_while(self) -> Generator[Any, None, Any]:
        """Half of its patience, as fast as the machine goes."""
        yield os.getpid()
        began = time.process_time()
        while time.process_time() - began < self._argument["seconds"]:
            re.match(r"(a*)*b", "a" * 19)
        yield "through"
        return None

    def meets_the_machine(self) -> Generator[Any, None, Any]:
        yield 1
        raise FileNotFoundError(2, "a person's words", "/a/person")

    def crashes(self) -> Generator[Any, None, Any]:
        yield 1
        os.kill(os.getpid(), signal.SIGSEGV)

    def tells_of_itself(self) -> Generator[Any, None, Any]:
        yield {
            "pid": os.getpid(),
            "environment": sorted(os.environ),
            "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0,
            "goes_first": _read("/proc/self/oom_score_adj"),
            "heavy": sorted({"pydantic", "asyncpg", "asyncio", "aiokafka"} & set(sys.modules)),
        }
        return None


def _read(path: str) -> str | None:
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return file.read().strip()


def task(argument: dict[str, Any]) -> _Named:
    """See shared.workers.task."""
    return _Named(argument)
