"""Gate: a semaphore whose waiters take turns, and that leaves places for live work."""

from __future__ import annotations

import asyncio

from shared.log.fairness import SHARE
from shared.log.gate import Gate
from tests.support.waiting import until


async def test_a_late_line_is_let_in_next_and_cancelled_waiters_lose_no_place() -> None:
    gate, entered, leave = Gate(1), [], asyncio.Event()

    async def work(line: str, name: str) -> None:
        async with gate.place(line):
            entered.append(name)
            await leave.wait()

    tasks = [asyncio.create_task(work("huge", f"h{number}")) for number in range(5)]
    await until(lambda: entered == ["h0"])
    tasks.append(asyncio.create_task(work("small", "s0")))
    await asyncio.sleep(0)
    tasks[1].cancel()
    leave.set()
    await asyncio.wait(tasks)
    assert entered == ["h0", "s0", "h2", "h3", "h4"]
    async with asyncio.timeout(1), gate.place("again"):
        pass


class Visitors:
    """Who came in, and how each goes out again."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._leave: dict[str, asyncio.Event] = {}

    def come(self, *names: str) -> None:
        """Those whose names begin with r are replays."""
        for name in names:
            self._leave[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._visit(name))

    async def _visit(self, name: str) -> None:
        async with self.gate.place(name, replay=name.startswith("r")):
            self.inside.append(name)
            await self._leave[name].wait()
        self.inside.remove(name)

    async def go(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()
            await self.tasks[name]
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_replays_leave_the_places_that_are_kept_and_have_all_others() -> None:
    visitors = Visitors(Gate(3, kept=1))
    visitors.come("r1", "r2", "r3", "r4")
    await settled()
    assert visitors.inside == ["r1", "r2"]
    visitors.come("a", "b")
    await settled()
    assert visitors.inside == ["r1", "r2", "a"]
    await visitors.go("r1")
    assert visitors.inside == ["r2", "a", "b"], "live work comes next"
    await visitors.go("a")
    assert visitors.inside == ["r2", "b", "r3"]
    await visitors.go("b", "r2", "r3")
    assert visitors.inside == ["r4"]
    await visitors.go("r4")


async def test_a_replay_that_is_cancelled_leaves_its_place_to_the_next() -> None:
    visitors = Visitors(Gate(2, kept=1))
    visitors.come("r1", "r2", "r3")
    await settled()
    visitors.tasks["r2"].cancel()  # it waits
    visitors.tasks["r1"].cancel()  # it is inside
    await settled()
    assert visitors.inside == ["r1", "r3"], "r1 was ended within"
    await visitors.go("r3")
    visitors.come("r4", "a")
    await settled()
    assert visitors.inside == ["r1", "r4", "a"]
    await visitors.go("r4", "a")


async def test_live_work_has_most_turns_while_it_waits_and_a_replay_the_rest() -> None:
    visitors = Visitors(Gate(1))
    visitors.come("r0")
    await settled()
    visitors.come(*(f"r{number}" for number in range(1, 9)), *(f"a{number}" for number in range(SHARE + 1)))
    order = ""
    while visitors.inside:
        (name,) = visitors.inside
        order += name[0]
        await visitors.go(name)
    assert order == "r" + "a" * (SHARE - 1) + "raa" + "r" * 7
