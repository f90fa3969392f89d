"""What a predecessor was asked, what it is to do wrong, and what it does when an import comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import BaseModel

from tests.support.predecessor.faults import Fault
from tests.support.predecessor.models import ImportFull

OnImport = Callable[[ImportFull], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it came over the wire."""

    method: str
    target: str
    """Path and query, byte for byte."""
    headers: dict[str, str]
    """Names in lower case; of several of a name the last."""


@dataclass(slots=True)
class State:
    """Of one predecessor. Tests change it while it serves."""

    on_import: OnImport | None = None
    """Called with each import that is taken, after the answer."""
    faults: dict[str, Fault] = field(default_factory=dict)
    """By path: what is given instead of an answer."""
    answers: dict[str, int] = field(default_factory=dict)
    """By path: a status to give instead of an answer."""
    healthy: bool = True
    calls: list[Call] = field(default_factory=list)
    """All requests, in order."""
    counts: Counter[str] = field(default_factory=Counter)
    """Requests by method and path, `GET /test-patch`."""
    taken: list[BaseModel] = field(default_factory=list)
    """Requests for imports that were taken, in order."""
    written: list[str] = field(default_factory=list)
    """What GETs wrote."""
    gone: Counter[str] = field(default_factory=Counter)
    """By path: callers that went away before they had their answer."""
    under_way: int = 0
    """Requests that are not answered yet."""
    jobs: int = 0

    def clear(self) -> None:
        """As new, for who shares one predecessor with other tests."""
        self.on_import, self.healthy, self.jobs = None, True, 0
        for each in (self.faults, self.answers, self.calls, self.counts, self.taken, self.written, self.gone):
            each.clear()

    def begin(self, body: BaseModel) -> None:
        """Note that an import was taken."""
        self.taken.append(body)

    def next_job(self) -> str:
        """An id for a job, a UUID as the predecessor gives."""
        self.jobs += 1
        return str(UUID(int=self.jobs))
