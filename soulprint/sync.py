"""`run_export` and `open_memory` for scripts: the same, without asyncio. Not for use inside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from uuid import UUID

from shared.store.facts import StoredFact
from soulprint import api, memory


class Memory:
    """`soulprint.Memory`, whose methods wait for their answers."""

    def __init__(self, memory: memory.Memory, runner: asyncio.Runner) -> None:
        self._memory = memory
        self._runner = runner
        self.user_id = memory.user_id
        self.sections = memory.sections

    def facts(self) -> Iterator[StoredFact]:
        """Every fact, current and superseded; a page of them in memory at a time."""
        facts = self._memory.facts()

        async def next_fact() -> StoredFact | None:
            return await anext(facts, None)

        while (fact := self._runner.run(next_fact())) is not None:
            yield fact

    def search(self, text: str) -> memory.Found:
        """See `soulprint.Memory.search`."""
        return self._runner.run(self._memory.search(text))

    def why(self, fact: StoredFact | UUID | str) -> memory.Origin:
        """See `soulprint.Memory.why`."""
        return self._runner.run(self._memory.why(fact))


def run_export(
    export: str | Path | Sequence[str | Path],
    *,
    user: str | UUID = "me",
    out: str | Path = "soulprint-out",
    max_cost: float | None = None,
    replace: bool = False,
    lineage: str | None = None,
    force: bool = False,
    **settings: object,
) -> api.Report:
    """See `soulprint.run_export`."""
    running = api.run_export(
        export,
        user=user,
        out=out,
        max_cost=max_cost,
        replace=replace,
        lineage=lineage,
        force=force,
        **settings,
    )
    return asyncio.run(running)


@contextmanager
def open_memory(user: str | UUID = "me", **settings: object) -> Iterator[Memory]:
    """See `soulprint.open_memory`."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        opened = runner.run(stack.enter_async_context(memory.open_memory(user, **settings)))
        try:
            yield Memory(opened, runner)
        finally:
            runner.run(stack.aclose())
