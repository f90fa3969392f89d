"""Which turns share a chunk: boundaries that depend on content alone and shift with nothing.

Every gap between two neighbouring items has a priority, drawn from a hash of the item after it. The rule:
*in order of rising priority, join the pieces on both sides of a gap if together they fit.* Gaps between
conversations outrank those inside one, so a conversation is only split where it must be.

Whether a gap is joined depends on its neighbourhood and on nothing further off, so history put before or
after an export leaves all chunks but the one or two at the seam as they were, and the extraction cache
keeps its worth (docs/adr/0004-packing.md). `Packer` applies the rule to a stream, holding a few chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

CONVERSATION_GAP = 1 << 32
"""Added to the priority of a gap between conversations; plain priorities are below it."""


@dataclass(slots=True)
class Piece(Generic[T]):
    """Neighbouring items that will lie in one chunk."""

    items: list[T]
    sizes: list[int]
    size: int
    """Of all items."""
    gap: int
    """Priority of the gap before the first item."""


@dataclass(slots=True)
class Packer(Generic[T]):
    """Packs a stream of sized items into pieces of at most `limit`; a larger item stands alone.

    The stack holds pieces whose gaps are not settled yet: their priorities fall from bottom to top, and
    every two neighbours fit together, else the boundary between them would already be certain.
    """

    limit: int
    _stack: list[Piece[T]] = field(default_factory=list)

    def push(self, item: T, size: int, gap: int) -> Iterator[Piece[T]]:
        """Add the next item, whose gap to the one before has priority `gap`; yields what is settled."""
        stack = self._stack
        while len(stack) > 1 and stack[-1].gap < gap:
            yield from self._put(self._joined_top())
        yield from self._put(Piece([item], [size], size, gap))

    def flush(self) -> Iterator[Piece[T]]:
        """Settle all that was pushed, as at the end of the stream; what follows starts a new piece."""
        settled: list[Piece[T]] = []
        while self._stack:
            if len(self._stack) > 1 and self._stack[-2].size + self._stack[-1].size <= self.limit:
                self._stack.append(self._joined_top())
            else:
                settled.append(self._stack.pop())
        return reversed(settled)

    def take_out(self, unwanted: Callable[[T], bool]) -> list[T]:
        """Items that are not settled yet, taken out again. Those that stay share chunks as if they had never
        been there, but for the gaps that were joined over them."""
        taken: list[T] = []
        for piece in self._stack:
            kept: list[tuple[T, int]] = []
            for item, size in zip(piece.items, piece.sizes, strict=True):
                if unwanted(item):
                    taken.append(item)
                else:
                    kept.append((item, size))
            if len(kept) < len(piece.items):
                piece.items = [item for item, _ in kept]
                piece.sizes = [size for _, size in kept]
                piece.size = sum(piece.sizes)
        if taken:
            stack, self._stack = self._stack, []
            self._stack.extend(piece for piece in stack if piece.items)
        return taken

    def _joined_top(self) -> Piece[T]:
        top = self._stack.pop()
        below = self._stack.pop()
        below.items.extend(top.items)
        below.sizes.extend(top.sizes)
        return Piece(below.items, below.sizes, below.size + top.size, below.gap)

    def _put(self, piece: Piece[T]) -> Iterator[Piece[T]]:
        # A piece only ever grows: one that does not fit its neighbour now never will.
        if self._stack and self._stack[-1].size + piece.size > self.limit:
            yield from self.flush()
        self._stack.append(piece)
