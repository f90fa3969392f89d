"""Fair queueing: who comes next when many wait for the same few places. Live work comes before replays;
people take turns, and within a person's turns the imports do: new ones first, then one of each in turn."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
CREDIT = 4
"""Items of a new line that go before all old lines: a small import is through before its share of the turns
would let it, and a large one is held up by that much only, once."""
SHARE = 16
"""Of so many turns that are taken while live work waits, a replay has one at most. A quarter is the
most that it may have, but a turn amid a small import makes that one wait for a whole call."""


class Line(NamedTuple):
    """Where something waits: with a person, and among what is that person's; behind live work, if it is of a
    replay."""

    person: Hashable
    of: Hashable
    replay: bool = False


class _Rotation(Generic[T]):
    """Lines that come one after the other.

    A new line goes first, for CREDIT items. One that runs empty is old until all old ones have had a turn, or
    nothing waits: coming and going earns no credit.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._new: dict[Hashable, Any] = {}
        self._old: dict[Hashable, Any] = {}
        self._credit: dict[Hashable, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for lines in (self._new, self._old):
            for line in lines.values():
                yield from line

    def _longer(self, name: Hashable) -> Any:
        """The line of this name, which the caller makes longer by one. A new one comes after the new ones."""
        self._count += 1
        line = self._old.get(name)
        if line is None:
            line = self._new.get(name)
            if line is None:
                line = self._new[name] = self._make()
        return line

    def _turn(self) -> tuple[Hashable, Any]:
        """Whose turn it is, and the line, of which the caller takes the first item."""
        if not self._count:
            raise IndexError("nothing waits")
        self._count -= 1
        if self._new:
            name = next(iter(self._new))
            line = self._new.pop(name)
            left = self._credit.pop(name, CREDIT) - 1
            if left and len(line) > 1:
                self._new[name] = line
                self._credit[name] = left
            else:
                self._old[name] = line
        else:
            while True:
                name = next(iter(self._old))
                line = self._old.pop(name)
                if line:
                    self._old[name] = line
                    break
        if not self._count:
            self._old.clear()
        return name, line


class FairQueue(_Rotation[T]):
    """A queue of lines: within a line first in, first out; between lines one after the other."""

    def __init__(self) -> None:
        super().__init__(deque)

    def append(self, line: Hashable, item: T) -> None:
        """Put an item at the end of its line."""
        self._longer(line).append(item)

    def pop(self) -> T:
        """The next item; its line goes to the end. Raises IndexError if none waits."""
        item: T = self._turn()[1].popleft()
        return item


class People(_Rotation[T]):
    """A fair queue of people, each of whom has a fair queue of lines.

    `most`: items of one person that may be out at a time, which is until their line is told as `done`. What
    else waits of somebody who has so many out is not ready, and comes when one is back.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__(FairQueue)
        self._most = most
        self._out: Counter[Hashable] = Counter()
        self._kept_back: dict[Hashable, FairQueue[T]] = {}

    def __len__(self) -> int:
        return self._count + sum(map(len, self._kept_back.values()))

    def __iter__(self) -> Iterator[T]:
        yield from super().__iter__()
        for lines in self._kept_back.values():
            yield from lines

    @property
    def ready(self) -> int:
        """How many may come out now."""
        return self._count

    def emptied(self) -> People[T]:
        """The same with nothing waiting; what is out stays out."""
        others: People[T] = People(self._most)
        for person, out in self._out.items():
            others._out[person] = out
        others._kept_back = {person: FairQueue() for person in self._kept_back}
        return others

    def append(self, line: Line, item: T) -> None:
        """Put an item at the end of its line."""
        person, of, _ = line
        lines = self._kept_back.get(person) if self._kept_back else None
        (self._longer(person) if lines is None else lines).append(of, item)

    def pop(self) -> T:
        """The next item; its line and its person go to the end. Raises IndexError if none is ready."""
        person, lines = self._turn()
        item: T = lines.pop()
        if self._most is not None:
            self._out[person] += 1
            if self._out[person] >= self._most:
                self._keep_back(person)
        return item

    def done(self, line: Line) -> None:
        """One item of this line is back."""
        person = line.person
        self._out[person] -= 1
        if not self._out[person]:
            del self._out[person]
        if (lines := self._kept_back.pop(person, None)) is not None:
            self._old[person] = lines
            self._count += len(lines)

    def _keep_back(self, person: Hashable) -> None:
        self._credit.pop(person, None)
        lines = self._new.pop(person, None) or self._old.pop(person, None) or FairQueue()
        self._kept_back[person] = lines
        self._count -= len(lines)


class Turns(Generic[T]):
    """What waits, live work before replays, and in each of the two people take turns.

    While live work waits, a replay has one of SHARE turns at most; while none does, it has all. `most` is of
    one person, and `of_replays` of all replays together: how many items may be out at a time, as in People.
    Live work and replays of one person are counted apart: neither keeps the other back.
    """

    def __init__(self, most: int | None = None, of_replays: int | None = None) -> None:
        self._most = most
        self._of_replays = of_replays
        self._live: People[T] = People(most)
        self._replays: People[T] = People(most)
        self._out = 0
        self._due = SHARE - 1
        """Turns that live work has before a replay has one."""

    def __len__(self) -> int:
        return len(self._live) + len(self._replays)

    def __iter__(self) -> Iterator[T]:
        yield from self._live
        yield from self._replays

    @property
    def ready(self) -> int:
        """How many may come out now."""
        return self._live.ready + self.ready_replays if self._replays.ready else self._live.ready

    @property
    def ready_replays(self) -> int:
        """How many of them are of replays."""
        ready = self._replays.ready
        return ready if self._of_replays is None else min(ready, self._of_replays - self._out)

    @property
    def counts(self) -> bool:
        """Whether it matters what is told as `done`."""
        return self._most is not None or self._of_replays is not None

    def emptied(self) -> Turns[T]:
        """The same with nothing waiting; what is out stays out."""
        others: Turns[T] = Turns(self._most, self._of_replays)
        others._live, others._replays = self._live.emptied(), self._replays.emptied()
        others._out, others._due = self._out, self._due
        return others

    def append(self, line: Line, item: T) -> None:
        """Put an item at the end of its line."""
        (self._replays if line.replay else self._live).append(line, item)

    def pop(self) -> T:
        """The next item; its line and its person go to the end. Raises IndexError if none is ready."""
        live = self._live
        if not self._replays.ready or not self.ready_replays:
            return live.pop()
        if live.ready and self._due:
            self._due -= 1
            return live.pop()
        self._due = SHARE - 1
        self._out += 1
        return self._replays.pop()

    def take(self, count: int) -> list[T]:
        """The next items, at most so many."""
        items: list[T] = []
        while len(items) < count and self.ready:
            items.append(self.pop())
        return items

    def done(self, line: Line) -> None:
        """One item of this line is back."""
        if line.replay:
            self._out -= 1
        if self._most is not None:
            (self._replays if line.replay else self._live).done(line)
