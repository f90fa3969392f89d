"""What a worker does: a module of the product names it, a worker imports that and runs it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol


class Task(Protocol):
    """The module that is asked for has a function `task` that makes one of a JSON value."""

    def run(self) -> Generator[Any, None, Any]:
        """Yields values and returns the answer, all of what JSON can say. Its errors are told by class; those
        of shared.domain.errors with their words."""
        ...

    def progress(self) -> Any:
        """How far it is, as JSON says it; asked for in another thread. While it stays the same and the task
        yields nothing, it makes no progress."""
        ...
