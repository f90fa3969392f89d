"""What a service plugs into the pool: a function over events, one at a time or many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.domain.events import Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Stage(Generic[E]):
    """One stage: build it with `per_record` or `per_batch`.

    When `handle` returns, everything it published is acknowledged and everything it stored is stored: the
    offsets count as done. It may see the same event again at any time.
    """

    name: str
    model: type[E]
    handle: Callable[[Sequence[E]], Awaitable[None]]
    batch: int
    """Most events of one call."""
    on_dead: Callable[[E | None, Exception], Awaitable[None]] | None
    """Called before a record becomes a dead letter, so that its import ends; None for an unreadable one."""


def per_record(
    name: str,
    model: type[E],
    handle: Callable[[E], Awaitable[None]],
    *,
    on_dead: Callable[[E | None, Exception], Awaitable[None]] | None = None,
) -> Stage[E]:
    """A stage whose function takes one event."""

    async def one(batch: Sequence[E]) -> None:
        await handle(batch[0])

    return Stage(name, model, one, 1, on_dead)


def per_batch(
    name: str,
    model: type[E],
    handle: Callable[[Sequence[E]], Awaitable[None]],
    *,
    most: int = 200,
    on_dead: Callable[[E | None, Exception], Awaitable[None]] | None = None,
) -> Stage[E]:
    """A stage whose function takes whatever is waiting, at most `most` events, and does all or nothing. If it
    fails for good, halves are tried, so that one bad event costs only itself."""
    return Stage(name, model, handle, most, on_dead)
