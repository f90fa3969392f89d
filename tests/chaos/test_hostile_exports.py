"""Three hundred exports made to do harm, through services as processes and beside a neighbour's: each ends by
itself, nobody else notices, and nothing of them is said but for print."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from shared.exports.conversation import ReadLimits
from shared.pipelines import services_of
from shared.store.store import Store
from tests.chaos.fire import say
from tests.exports.generate import generate
from tests.exports.hostile import corpus
from tests.support.fleet import Fleet, fleet
from tests.support.footprint import Footprint
from tests.support.hostile_exports import Neighbour, Outcome, lines_that_tell, through
from tests.support.kafka import Broker
from tests.support.replica import members
from tests.support.services import Setting, ended
from tests.support.stands import Stand, stands_in

COUNT = int(os.environ.get("HOSTILE_COUNT", "300"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
AT_A_TIME = 3
LONGEST_STAND = 0.5
LONGEST_IMPORT = 180.0
"""Seconds: more than twice the patience with a reader that stands still."""
LARGEST = 300.0
"""MB of a service, with the processes it has started, above what it holds idle."""
USUAL = 3.0
"""A neighbour's import may take so many times what it takes alone: others work on the same cores."""
AT_LEAST = 5.0
"""Seconds that it may take all the same."""
FILES = 1024
"""What many systems let a process open."""


@dataclass
class Scene:
    """Services as processes, watched, and a neighbour."""

    setting: Setting
    services: Fleet
    neighbour: Neighbour
    folder: Path

    def stands(self) -> dict[str, Sequence[Stand]]:
        """How long each service's loop stood still, the longest first."""
        return {name: stands_in(self.folder / f"{name}.stands") for name in self.services.members}

    def footprint(self) -> Footprint:
        """Their memory."""
        return Footprint({name: member.process.pid for name, member in self.services.members.items()})

    def tell(self, footprint: Footprint, usual: float, took: Sequence[float]) -> str:
        """The figures, for who reads what the test prints."""
        lines = [
            f"neighbour: {usual:.2f} s alone, {max(took):.2f} s at most beside them ({len(took)} imports)"
        ]
        for name, stands in self.stands().items():
            longest = stands[0] if stands else None
            lines.append(
                f"{name}: {footprint.alone[name]:.0f} MB idle, {footprint.most[name]:.0f} MB at most; "
                f"longest stand {longest.seconds if longest else 0.0:.2f} s ({longest})"
            )
        return "\n".join(lines)

    def require(self, footprint: Footprint, usual: float, took: Sequence[float]) -> None:
        """Nobody noticed."""
        assert not self.services.ended()
        wrong = [
            f"{n} stood still: {s[0]}" for n, s in self.stands().items() if s and s[0].seconds > LONGEST_STAND
        ]
        for name, most in footprint.most.items():
            if most - footprint.alone[name] > LARGEST:
                wrong.append(f"{name} held {most:.0f} MB, idle {footprint.alone[name]:.0f}")
        if max(took) > max(AT_LEAST, USUAL * usual):
            wrong.append(f"the neighbour's import took {max(took):.1f} s, alone {usual:.1f} s")
        for name in self.services.members:
            wrong += [f"{name} says {line!a}" for line in lines_that_tell(self.services.log(name, 0))[:3]]
        assert not wrong, "\n".join(wrong)


@asynccontextmanager
async def scene(
    pipeline: str, kafka: Broker, database: str, store: Store, folder: Path
) -> AsyncIterator[Scene]:
    exports = folder / "exports"
    exports.mkdir()
    generate(exports / "neighbour.zip", 20, seed=3)
    setting = Setting(kafka.bootstrap, database, exports, pipeline)
    await setting.make_topics()
    with fleet(setting, folder) as services:
        for name in services_of(pipeline):
            tuning = {"TUNED_STANDS": str(folder / f"{name}.stands"), "TUNED_FILES": str(FILES)}
            services.tuning = tuning
            services.start(name)
        await services.ready()
        neighbour = Neighbour(setting, store, exports / "neighbour.zip")
        yield Scene(setting, services, neighbour, folder)


@pytest.mark.parametrize("pipeline", ["v2", "v1"])
async def test_a_corpus_of_them_harms_nobody(
    pipeline: str, kafka: Broker, database: str, store: Store, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    async with scene(pipeline, kafka, database, store, tmp_path) as found:
        usual = await found.neighbour.usual()
        footprint = found.footprint()
        with footprint.looking():
            all_of = through(
                found.setting, store, sql, corpus(SEED, COUNT), at_a_time=AT_A_TIME, seconds=LONGEST_IMPORT
            )
            hostile = asyncio.create_task(all_of)
            took = await found.neighbour.beside(hostile)
            outcomes = await hostile
        slowest = sorted(outcomes, key=lambda each: -each.seconds)
        say(f"\n{pipeline}: " + found.tell(footprint, usual, took))
        say("\n".join(map(str, slowest[:15])))
        failed = [each for each in outcomes if _is_wrong(each)]
        assert not failed, "\n".join(f"{each} {each.unprintable}" for each in failed)
        found.require(footprint, usual, took)


def _is_wrong(outcome: Outcome) -> bool:
    if outcome.unprintable:
        return True
    return outcome.state != "complete" and not (outcome.state == "failed" and outcome.reason)


@pytest.mark.parametrize("count", [2_000_000, ReadLimits().conversations - 1])
async def test_millions_of_empty_conversations_throw_nobody_out(
    count: int, kafka: Broker, database: str, store: Store, tmp_path: Path
) -> None:
    """More than an export may hold, and as many as it may."""
    async with scene("v2", kafka, database, store, tmp_path) as found:
        usual = await found.neighbour.usual()
        source = empty_conversations(found.setting.root / "empty.zip", count)
        say(f"\n{source.stat().st_size / 1e6:.1f} MB of empty conversations")
        group = found.setting.group("chunker")
        standing = await members(found.setting.bootstrap, group)
        footprint = found.footprint()
        with footprint.looking():
            event = await found.setting.import_of(source)
            hostile = asyncio.create_task(ended(store, event, 600.0))
            left = asyncio.create_task(_left(found.setting.bootstrap, group, standing, hostile))
            took = await found.neighbour.beside(hostile)
            row = await hostile
            assert not await left, "the chunker was thrown out of its group"
        say(f"{row.state} {row.error}; " + found.tell(footprint, usual, took))
        assert row.state == "complete" or row.error
        found.require(footprint, usual, took)


async def _left(bootstrap: str, group: str, standing: list[str], hostile: asyncio.Task[object]) -> bool:
    """Whether the group's members changed before the import ended."""
    while not hostile.done():
        if await members(bootstrap, group) != standing:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(hostile), 0.5)
    return False


def empty_conversations(path: Path, count: int) -> Path:
    """A zip of as many conversations without a word, none like the other."""
    archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
    with (
        archive,
        archive.open("conversations.json", "w") as member,
        io.BufferedWriter(member, 1 << 20) as file,
    ):  # type: ignore[type-var]
        file.write(b'[{"id":"c","create_time":1,"mapping":{}}')
        for number in range(count):
            file.write(b',{"id":"%x","title":"","mapping":{}}' % (number * 2654435761 % 2**32))
        file.write(b"]")
    return path
