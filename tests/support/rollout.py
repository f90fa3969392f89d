"""A rollout under way: services as processes, ops who type, an app that imports, and what must hold at every
moment of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from services.router.buckets import bucket, shadow_bucket
from shared.domain.events import ImportReceived
from shared.domain.ids import import_id
from shared.store.routing import SHARE_WHOLE, Policy
from shared.store.store import Store
from tests.support.exports import chain, json_of
from tests.support.forking import ForkServer
from tests.support.services import AnySetting
from tests.support.storage_server import Storage
from tests.support.waiting import until

SALT = "canary"
BUCKET = "imports"
OLD, NEW, EVENT = WAYS = ("/process-full", "/imports", "an event")
"""How an app asks for an import."""
WORDS = ("amber", "birch", "cedar", "delta", "fjord", "grove", "heath", "lagoon", "maple", "ocean", "prairie")
ENDED = "('complete', 'failed', 'cancelled')"

PROGRESS = f"""
SELECT count(DISTINCT import_id) FILTER (WHERE kind = 'primary'), count(*) FILTER (WHERE state NOT IN {ENDED})
FROM imports
"""
"""How many imports there are, and how many runs that are under way."""
WITHOUT_SECTIONS = f"""
SELECT i.import_id FROM imports i LEFT JOIN user_profiles p ON p.user_id = i.user_id
WHERE i.kind IN ('primary', 'fallback')
GROUP BY i.import_id HAVING bool_and(i.state IN {ENDED}) AND NOT bool_or(coalesce(p.soul_md, '') <> '')
"""
"""Imports that have ended, whose persons have no sections."""
MOVED_BACK = """
SELECT d.user_id, d.before, d.since FROM (
    SELECT user_id, lane, policy_version AS since, lag(lane) OVER w AS former,
           lag(policy_version) OVER w AS before
    FROM routing_decisions WINDOW w AS (PARTITION BY user_id ORDER BY decided_at)) d
WHERE d.lane = 'v1' AND d.former <> 'v1' AND NOT EXISTS (
    SELECT FROM routing_history h
    WHERE h.version > d.before AND h.version <= d.since AND (h.policy ->> 'passthrough')::boolean)
"""
"""Persons whose imports went to v1 again though there was no rollback."""
WRONG_LANE = """
SELECT d.import_id FROM routing_decisions d JOIN imports i ON i.import_id = d.import_id AND i.run = d.run
WHERE i.pipeline <> d.lane OR i.user_id <> d.user_id
"""
UNDECIDED = """
SELECT import_id FROM imports i WHERE kind = 'primary'
AND NOT EXISTS (SELECT FROM routing_decisions d WHERE d.import_id = i.import_id AND d.run = i.run)
"""


def people(random: Random, *places: tuple[int, int, int], shadow_below: int = SHARE_WHOLE) -> list[UUID]:
    """Persons whose place among 10,000 lies in a range, (how many, from, below); that of their shadow runs
    lies below another."""
    found = []
    for count, low, high in places:
        wanted = len(found) + count
        while len(found) < wanted:
            user = UUID(int=random.getrandbits(128), version=4)
            if low <= bucket(SALT, user) < high and shadow_bucket(SALT, user) < shadow_below:
                found.append(user)
    return found


def small_export(number: int) -> bytes:
    """An export unlike those of other numbers: what was read before must not answer for what is bad now."""
    word = WORDS[number % len(WORDS)]
    said = [
        (f"My boat is called {word.title()} {number}.", "A good name."),
        (f"I work as a nurse in Porto, on ward {number}.", "That must be busy."),
        (f"I love sailing to {word} islands, and I am allergic to peanuts.", "Noted."),
    ]
    return json_of([chain(*turns, conversation_id=f"c{n}") for n, turns in enumerate(said)])


@dataclass
class Rollout:
    """What plays it."""

    setting: AnySetting
    fork_server: ForkServer
    store: Store
    sql: asyncpg.Connection
    storage: Storage
    client: httpx2.AsyncClient
    users: Sequence[UUID]
    imports: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """By what an import was asked for."""
    answer: httpx2.Response | None = None
    """The gateway's last."""

    async def ops(self, *arguments: str, ends: int = 0) -> Any:
        """`soulprint canary ... --json`, which ends with this code; its answer."""
        environment = self.setting.environment()
        command = ["canary", *arguments, "--json"]
        process = await asyncio.to_thread(self.fork_server.command, command, environment)
        out, err = await asyncio.to_thread(process.communicate, 60)
        assert process.code == ends, f"canary {arguments} ended with {process.code}: {out}{err}"
        return json.loads(out)

    async def policy(self) -> Policy:
        """As it is."""
        return await self.store.read_policy()

    async def wave(self, users: Iterable[UUID] | None = None, ways: Sequence[str] = WAYS) -> None:
        """Each of these imports once more: asked for by the routes that there are, or by an event that the
        app publishes itself. Returns when all are taken."""
        events: list[ImportReceived] = []
        asking: list[Awaitable[None]] = []
        for user in self.users if users is None else users:
            self.imports += 1
            source = f"{BUCKET}/{user}/{self.imports}-export.json"
            self.storage.objects[source] = small_export(self.imports)
            way = ways[self.imports % len(ways)]
            self.asked[way] += 1
            if way == EVENT:
                events.append(event_of(user, source))
            else:
                asking.append(self._ask(way, user, source))
        if events:
            asking.append(self.setting.publish(self.setting.entrance, *events))
        await asyncio.gather(*asking)

    async def _ask(self, way: str, user: UUID, source: str) -> None:
        """As an app does whose server asks again while nothing answers."""
        route, name = ("/process-full", "storage_path") if way == OLD else ("/imports", "source")

        async def taken() -> bool:
            """the gateway takes an import"""
            try:
                answer = self.answer = await self.client.post(
                    route, json={"user_id": str(user), name: source}
                )
            except httpx2.TransportError:
                return False
            assert answer.status_code in (200, 202, 503), (answer.status_code, answer.text)
            return answer.status_code != 503

        await until(taken, 60)

    async def all_ended(self, seconds: float = 60.0) -> None:
        """Return when all imports have ended; at no moment is one without sections at its end."""

        seen: list[tuple[int, int]] = []

        async def ended() -> bool:
            """all imports end"""
            taken, left = await self.sql.fetchrow(PROGRESS)
            if (taken, left) not in seen:
                seen[:] = [(taken, left)]
                await self.nothing_is_wrong()
            return bool(taken == self.imports and left == 0)

        await until(ended, seconds)

    async def nothing_is_wrong(self) -> None:
        """What must hold at every moment."""
        for query in (WITHOUT_SECTIONS, MOVED_BACK, WRONG_LANE, UNDECIDED):
            assert [tuple(row) for row in await self.sql.fetch(query)] == [], query

    async def lanes(self, version: int) -> Counter[tuple[str, str, str]]:
        """Since this version of the policy: imports by lane, and by kind and end of their runs."""
        rows = await self.sql.fetch(
            "SELECT DISTINCT d.import_id, d.lane, i.kind, i.state "
            "FROM routing_decisions d JOIN imports i USING (import_id) WHERE d.policy_version >= $1",
            version,
        )
        return Counter((row["lane"], row["kind"], row["state"]) for row in rows)


def event_of(user: UUID, source: str) -> ImportReceived:
    """What an app publishes that puts events on the log itself."""
    return ImportReceived(
        import_id=import_id(user, f"source\0{source}"),
        user_id=user,
        run=1,
        source=source,
        requested_at=datetime.now(UTC),
    )
