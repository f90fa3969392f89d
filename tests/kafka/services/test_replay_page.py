"""docs/replay.md, followed as it stands, on a real Kafka: each command prints what is shown."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.events import ChunkReady, ImportReceived
from shared.host.service import Kit, Service
from shared.host.services import opener_of
from shared.pipelines import IMPORT_RECEIVED, services_of
from shared.resilience.faults import PoisonError
from shared.store.dead_letters import LetterFilter, LetterRow
from shared.store.store import Store
from soulprint.replay.looking import extractors_now
from tests.exports.generate import generate
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.server import FakeClaude
from tests.support.forking import ForkServer
from tests.support.page import Shell, shell
from tests.support.records import SEED
from tests.support.runbook import follow, nothing, stand_ins
from tests.support.services import HOSTED, Setting, ended, hosted
from tests.support.waiting import until

PAGE = Path(__file__).parents[3] / "docs" / "replay.md"
USERS = [uuid5(SEED, f"person {number}") for number in range(4)]
OLDER, NEWER = "claude-haiku-4-5", "claude-haiku-5-5"
DEAD = 2
"""Chunks of an import that are set aside."""
MORE_BEFORE = """
UPDATE imports i SET fact_counts = fact_counts || '{"kept": 1000}' FROM replay_items x
WHERE x.replay_id = $1::text::uuid AND i.import_id = x.import_id AND i.run = x.base_run
  AND x.position = (SELECT max(o.position) FROM replay_items o WHERE o.replay_id = x.replay_id)
"""
"""Of the last import of a plan much more was found before."""
NEWEST_PLAN = "SELECT id::text FROM replays ORDER BY ordinal DESC LIMIT 1"

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here"),
    pytest.mark.skipif(shutil.which("kcat") is None, reason="there is no kcat here"),
]


@dataclass
class Scene:
    """Services in this process, and a shell of an engineer."""

    setting: Setting
    store: Store
    sql: asyncpg.Connection
    fake: FakeClaude
    run: Shell
    opened: AsyncExitStack
    """What is hosted now."""
    picky: bool = False
    """Whether the extractor sets the first chunks of an import aside."""

    @asynccontextmanager
    async def extractor(self, kit: Kit) -> AsyncIterator[Service]:
        """The extractor, in its moods."""
        async with opener_of("extractor")(kit) as service:
            stage = service.stage
            assert stage is not None

            async def handle(batch: Sequence[ChunkReady]) -> None:
                if self.picky and batch[0].index < DEAD:
                    raise PoisonError("prompt_too_long", "the prompt has more tokens than the model takes")
                await stage.handle(batch)

            yield replace(service, stage=replace(stage, handle=handle))

    async def host(self, setting: Setting, services: Sequence[str] = HOSTED) -> None:
        """These services, from now on."""
        host = await self.opened.enter_async_context(hosted(setting, services, extractor=self.extractor))
        if setting is self.setting:
            self.run.environment["METRICS"] = f"http://127.0.0.1:{host.port}"

    async def imports(self, users: Sequence[UUID], folder: Path) -> list[ImportReceived]:
        """Each of them imports an export."""
        events = []
        for number, user in enumerate(users):
            generate(folder / f"{user}.json", 12, seed=number)
            events.append(self.setting.event_of(folder / f"{user}.json", user))
        await self.setting.publish(self.setting.entrance, *events)
        for event in events:
            assert (await ended(self.store, event)).state == "complete"
        return events


@asynccontextmanager
async def scene(
    setting: Setting, store: Store, sql: asyncpg.Connection, fork_server: ForkServer, told: Path
) -> AsyncIterator[Scene]:
    async with fake_claude() as fake:
        setting.changes |= {
            "model": "claude",
            "claude_model": NEWER,
            "anthropic_api_key": "test-key",
            "anthropic_base_url": fake.url,
            "chunk_tokens": 1000,
            "memory_tokens": 1000,
            "min_coverage": 0.5,
            "dead_letter_seconds": 0.2,
        }
        commands = stand_ins(told.parent, told, ("docker", "kafka-consumer-groups.sh"))
        given = setting.environment() | {
            "KAFKA": setting.bootstrap,
            "KAFKA_PREFIX": setting.prefix,
            "HOME": os.environ["HOME"],
            "NO_PROXY": "127.0.0.1",
            "COLUMNS": "100",
            "LOGNAME": "nora",
        }
        async with shell(fork_server, given) as run, AsyncExitStack() as opened:
            run.environment["PATH"] = f"{commands}:{run.environment['PATH']}"
            yield Scene(setting, store, sql, fake, run, opened)


@pytest.mark.slow
async def test_the_page_of_replays_is_as_it_stands(
    setting: Setting, store: Store, sql: asyncpg.Connection, fork_server: ForkServer, tmp_path: Path
) -> None:
    setting.root, told = tmp_path, tmp_path / "told"
    async with scene(setting, store, sql, fork_server, told) as found:

        def know(**names: object) -> None:
            found.run.environment |= {name: str(value) for name, value in names.items()}

        async def stale() -> None:
            older = replace(setting, changes=setting.changes | {"claude_model": OLDER})
            async with hosted(older):
                await found.imports(USERS, tmp_path)
            await found.host(setting)

            async def is_at_work() -> bool:
                """the extractor has its partitions"""
                return await extractors_now(setting.settings()) == 1

            await until(is_at_work)

        async def planned() -> None:
            know(PLAN=await sql.fetchval(NEWEST_PLAN))
            await sql.execute(MORE_BEFORE, found.run.environment["PLAN"])

        async def settled(state: str, *ended: str) -> None:
            plan = UUID(found.run.environment["PLAN"])

            async def is_settled() -> bool:
                progress = await store.read_replay_progress(plan)
                assert progress is not None
                return progress.state == state and any(progress.items.get(each) for each in ended)

            is_settled.__doc__ = f"the replay is {state}"
            await until(is_settled)

        async def done() -> None:
            await settled("done", "held")
            know(HELD=await sql.fetchval("SELECT import_id::text FROM replay_items WHERE state = 'held'"))

        async def second() -> None:
            await found.run("soulprint replay plan --stage memory --sample 3")
            await planned()

        async def begun() -> None:
            await settled("running", "done")

        async def versions() -> None:
            user = uuid5(SEED, "twice")  # of the others it is chance which were done again
            for _ in range(2):
                await found.imports([user], tmp_path)
            (version, *_) = await store.list_versions(user, 1)
            know(USER_ID=user, VERSION=version.version)

        async def buried() -> None:
            found.picky = True
            (event,) = await found.imports([uuid5(SEED, "set aside")], tmp_path)
            found.picky = False
            await setting.send_raw(IMPORT_RECEIVED, b"a probe")
            letters = await open_letters(DEAD + 1)
            (probe,) = (each for each in letters if each.import_id is None)
            letter = next(each for each in letters if each.import_id == event.import_id)
            know(IMPORT=event.import_id, LETTER=letter.id, BROKEN=probe.id)

        async def open_letters(count: int) -> list[LetterRow]:
            letters: list[LetterRow] = []

            async def are_known() -> bool:
                """the dead letters are in the database"""
                letters[:] = await store.find_dead_letters(LetterFilter(state="open"))
                return len(letters) == count

            await until(are_known)
            return letters

        async def requeued() -> None:
            key = UUID(found.run.environment["IMPORT"])

            async def is_whole() -> bool:
                """the import that lost chunks has them, and is written again"""
                (run,) = await store.list_runs(key)
                return (run.state, run.chunks_dead) == ("complete", 0)

            await until(is_whole)

        async def before() -> None:
            found.run.environment.pop("SOULPRINT_PIPELINE", None)

        async def feed() -> None:
            shorter = setting.changes | {"memory_tokens": 300}
            await found.host(replace(setting, pipeline="v3", changes=shorter), services_of("v3"))

        async def fed() -> None:
            async def have_ended() -> bool:
                """the runs of v3 end"""
                states = await store.count_fed("v3")
                return states.get("complete", 0) == sum(states.values()) >= len(USERS)

            await until(have_ended, 60)

        said = await follow(
            PAGE,
            found.run,
            tmp_path,
            {
                "stale": stale,
                "planned": planned,
                "done": done,
                "second": second,
                "begun": begun,
                "versions": versions,
                "buried": buried,
                "requeued": requeued,
                "broken": nothing,
                "before": before,
                "deploy": nothing,
                "feed": feed,
                "fed": fed,
                "kcat": nothing,
                "groups": nothing,
            },
        )
    read = next(printed for code, printed in said.items() if "look-again" in code)
    assert len(read.split()) == 7, "each event that an app published"
    calls = [line.split("\t") for line in told.read_text("utf-8").splitlines()]
    deployed = [call[-1] for call in calls if call[0].endswith("docker")]
    assert deployed == [*services_of("v3")]
