"""What the chunks of an earlier run held, by their hashes: what is read again must be the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from shared.domain.errors import SourceError
from shared.domain.events import ChunkReady
from shared.domain.runs import RunKey
from shared.store.store import Store

PAGE = 1000
"""Chunks that are asked for at a time."""


class ChangedSourceError(SourceError):
    """The source does not hold any more what it held when the run was read that is to be replaced."""

    def __init__(self, run: int, what: str) -> None:
        super().__init__(
            f"the source has changed since run {run} read it ({what}): import it anew, or replay it "
            "from the stage chunks"
        )
        self.run = run


class Contents:
    """The hashes of one run's chunks. Of a chunk without a result there is none, and nothing can be said."""

    def __init__(self, store: Store, of: RunKey) -> None:
        self._store = store
        self.run = of
        self._page: Mapping[int, str] = {}
        self._indices: Collection[int] = ()

    async def of(self, indices: Collection[int]) -> Mapping[int, str]:
        """Those of these chunks, PAGE at most, that are known."""
        return await self._store.chunk_hashes(*self.run, sorted(indices))

    async def require(self, chunk: ChunkReady) -> None:
        """Raises ChangedSourceError if the run had another chunk in this place. For chunks that come in
        order."""
        if chunk.index not in self._indices:
            self._indices = range(chunk.index, chunk.index + PAGE)
            self._page = await self.of(self._indices)
        if self._page.get(chunk.index, chunk.content_hash) != chunk.content_hash:
            raise ChangedSourceError(self.run.run, f"its chunk {chunk.index} is another")
