"""Whatever calls of runs come at once, in whatever order: none waits for another in a circle."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID, uuid4, uuid5

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id
from shared.domain.runs import RunKey, RunKind
from shared.store.chunks import Chunking
from shared.store.replaying import DRIVER
from shared.store.runs import Reading
from shared.store.store import Store
from tests.support.kinds import BEGAN, commit, fail, lane_of
from tests.support.records import ANNA, BORIS, MODEL, PROMPTS, SEED, result_of, with_matter

USERS = (ANNA, BORIS)
IMPORTS = {uuid5(SEED, f"at once {n}"): USERS[n % 2] for n in range(6)}
CALLERS, CALLS = 24, 20


def event_of(chosen: random.Random) -> ImportReceived:
    """Of any run there may be."""
    import_id = chosen.choice([*IMPORTS])
    kind = chosen.choice([RunKind.PRIMARY, RunKind.PRIMARY, RunKind.QUICK, RunKind.FALLBACK])
    quick = kind is RunKind.QUICK
    return ImportReceived(
        import_id=quick_id(import_id) if quick else import_id,
        parent_id=import_id if quick else None,
        user_id=IMPORTS[import_id],
        run=chosen.randint(1, 3),
        kind=kind,
        source="imports/a.zip",
        requested_at=BEGAN,
    )


class Caller:
    """Calls one after the other, drawn at random."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._chosen = random.Random(seed)
        self.refusals: list[str] = []
        self._replays: list[UUID] = []

    async def run(self) -> None:
        calls = [
            self.accept,
            self.accept,
            self.take,
            self.take,
            self.fail,
            self.cancel,
            self.record,
            self.record,
            self.finish,
            self.note,
            self.sweep,
            self.relay,
            self.commit,
            self.predecessor,
            self.route,
            self.progress,
            self.replay,
            self.drive,
            self.drive,
            self.stop,
        ]
        for _ in range(CALLS):
            try:
                await self._chosen.choice(calls)()
            except StoreError as error:
                self.refusals.append(str(error.sqlstate))

    async def accept(self) -> None:
        import_id = self._chosen.choice([*IMPORTS])
        key = self._chosen.choice([None, "a", "b"])
        await self._store.accept_import(
            import_id,
            IMPORTS[import_id],
            "imports/a.zip",
            "v2",
            profile_format="app",
            quick_id=quick_id(import_id),
            key=key,
            digest="d",
            at_once=3,
            per_hour=1000,
            again=self._chosen.random() < 0.3,
        )

    async def route(self) -> None:
        event = event_of(self._chosen)
        await self._store.route_import(event, "v2", "app", quick_id(event.import_id))

    async def take(self) -> None:
        event = event_of(self._chosen)
        variant = self._chosen.choice(["builtin", "http"]) if event.kind is RunKind.FALLBACK else "{}"
        taken = await self._store.take_run(event, lane_of(event.kind), variant, profile_format="app")
        if taken.refusal is None and taken.variant == "http":
            await self._store.owe_v1_call(event.import_id, event.run)

    async def fail(self) -> None:
        await fail(self._store, event_of(self._chosen), at_fault=self._chosen.random() < 0.2)

    async def cancel(self) -> None:
        event = event_of(self._chosen)
        await self._store.cancel_run(event.import_id, event.run)

    async def record(self) -> None:
        events = [event_of(self._chosen) for _ in range(8)]
        results = [
            with_matter(
                result_of(self._chosen.randrange(2), import_id=e.import_id, user_id=e.user_id, run=e.run)
            )
            for e in events
        ]
        await self._store.record_chunks(results, model=MODEL, prompt_version=PROMPTS)

    async def finish(self) -> None:
        event = event_of(self._chosen)
        await self._store.finish_chunking(event.import_id, event.run, Chunking(2))

    async def note(self) -> None:
        events = [event_of(self._chosen) for _ in range(8)]
        await self._store.note_progress([RunKey(e.import_id, e.run) for e in events])

    async def replay(self) -> None:
        planned = await self._store.plan_replay(
            uuid4(),
            stage=self._chosen.choice(["chunks", "facts", "memory"]),
            which=["all"],
            selection={},
            pipeline="v2",
            model=MODEL,
            prompt_version=PROMPTS,
            by="me",
            rates=None,
            variant="{}",
            writing_version=None,
        )
        if planned.id is not None:
            await self._store.start_replay(planned.id, by="me", reason="a new prompt")
            self._replays.append(planned.id)

    async def drive(self) -> None:
        """As one that leads, though several of us do: a lease may have run out meanwhile."""
        await self._store.take_lease(DRIVER, "driver", 60)
        await self._store.advance_replays("driver")

    async def stop(self) -> None:
        if self._replays:
            turn = self._chosen.choice([self._store.stop_replay, self._store.pause_replay])
            await turn(self._chosen.choice(self._replays), by="me")

    async def progress(self) -> None:
        event = event_of(self._chosen)
        reading = Reading(bytes_read=1, bytes_total=2, conversations=1)
        await self._store.update_progress(event.import_id, event.run, 10.0, "chunking", reading)

    async def sweep(self) -> None:
        await self._store.find_stalled(self._chosen.choice(["v1", "v2"]), 0.0, owner=uuid4().hex)

    async def relay(self) -> None:
        found = await self._store.take_unoffered(0.0, 0.001, 10)
        keys = [RunKey(run.import_id, run.run) for run in found]
        self._chosen.shuffle(keys)
        await self._store.note_offered(keys)
        if self._chosen.random() < 0.2:
            await self._store.forget_offers()

    async def commit(self) -> None:
        event = event_of(self._chosen)
        status = self._chosen.choice(["complete", "complete", "failed"])
        await commit(self._store, event, user_id=event.user_id, status=status)

    async def predecessor(self) -> None:
        token = uuid4()
        if await self._store.take_v1_call(token, 3) is not None:
            outcome = self._chosen.choice(["accepted", "again", "refused"])
            await self._store.settle_v1_call(token, outcome, "no", again_in=0.0, most=3)
        await self._store.watch_v1_calls(self._chosen.choice([0.0, 60.0]))


async def test_nothing_is_a_deadlock(store: Store) -> None:
    callers = [Caller(store, seed) for seed in range(CALLERS)]
    await asyncio.gather(*(caller.run() for caller in callers))
    assert [refusal for caller in callers for refusal in caller.refusals] == []
