"""Records as somebody else may put them on a topic: events out to the edges of each type and beyond, broken
JSON, bytes that are no text. Hypothesis draws them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from hypothesis import strategies as st

from shared.domain.events import (
    ChunkReady,
    ConversationHeader,
    Event,
    FactsExtracted,
    ImportReceived,
    MemoryReady,
)
from shared.host.host import Host
from shared.log.deadletter import DeadLetter
from shared.log.kafka.cloudevents import encode
from shared.pipelines import MAX_EVENT_BYTES, SERVICES
from shared.resilience.retry import RetryPolicy
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.support.chunks import STARTED, said
from tests.support.local import LocalSetting
from tests.support.records import fact_of, memory_of, result_of
from tests.support.services import HOSTED, ended, facts_of, hosted
from tests.support.waiting import until

NOBODYS = UUID(int=404)
"""An import that there is not."""
PLACEHOLDER = "\ue000{}\ue000"
"""Stands in a body for JSON that `json.dumps` does not write."""

NUMBERS = (
    "0", "-1", "1", "2147483646", "2147483647", "2147483648", "-2147483648", "-2147483649",
    "9007199254740991", "9007199254740992", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", str(2**70), str(10**400), "1e308", "-1e308", "1e400", "0.5", "-0.0",
    "NaN", "Infinity", "-Infinity", '"3"', '"0x10"', f'"{10**30}"',
)  # fmt: skip
TIMES = tuple(
    json.dumps(time)
    for time in (
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
        "9998-12-31T23:59:59+23:59", "9998-12-31T23:59:59Z", "2024-02-30T00:00:00Z", "2024-05-01T12:00:00",
        "2024-05-01", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "infinity", "now",
    )
)  # fmt: skip
TEXTS = (
    '""', '"\\u0000"', '"a\\u0000b"', '"\\\\u0000"', '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"',
    '"\\u2028"', '"\\u202e"', '"\\ufffe"', "\"'; DROP TABLE imports; --\"", '"{}"', '"%s"',
    '"../../etc/passwd"', f'"{"w" * 100_000}"', f'"{"é" * 1001}"', f'"{"i" * 257}"', f'"{"👍" * 500}"',
    f'"{"a b " * 225_000}"',
)  # fmt: skip
SHAPES = (
    "null", "true", "[]", "{}", "[[]]", '[""]', '{"a":1}', '{"\\u0000":1}', "[" * 100 + "]" * 100,
    "[" * 100_000 + "]" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[" + "1," * 100_000 + "1]",
    '["x",' + '"y",' * 25_000 + '"z"]',
)  # fmt: skip

EDGES = (*NUMBERS, *TIMES, *TEXTS, *SHAPES)
OF_ITS_TYPE = 500
"""Numbers below it choose among the edges of a value's own type, those above among all."""
others = (
    st.integers(-(2**70), 2**70).map(str)
    | st.floats().map(json.dumps)
    | st.text(max_size=30).map(json.dumps)
    | st.datetimes(timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m)))).map(
        lambda time: json.dumps(time.isoformat())
    )
)
"""A JSON value as it is written."""


class Spoilt(NamedTuple):
    """A record to be: a good event of one of four imports, and what is wrong with it. Cheap to draw."""

    service: int
    target: int
    changes: Sequence[tuple[int, int | str | None]]
    """By the number of a place in the body: another value there, the number of an edge, or none."""
    broken: int
    junk: bytes


class Record(NamedTuple):
    """What is put on a topic."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


KINDS = (ImportReceived, ImportReceived, ChunkReady, FactsExtracted, MemoryReady)
"""What the services read, upstream first."""
TARGETS = 4
"""Two imports of the sender's own, another user's, and one that there is not."""
spoilt = st.builds(
    Spoilt,
    service=st.integers(0, len(KINDS) - 1),
    target=st.integers(0, TARGETS - 1),
    changes=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 2 * OF_ITS_TYPE) | others | st.none()),
        min_size=1,
        max_size=3,
    ),
    broken=st.integers(0, 30),
    junk=st.binary(min_size=1, max_size=8),
)


def templates(import_id: UUID, user_id: UUID) -> Sequence[Event]:
    """One good event of each type."""
    ids: dict[str, Any] = {"import_id": import_id, "user_id": user_id, "run": 1}
    return (
        ImportReceived(**ids, source="gone.zip", requested_at=STARTED, conversation_count=3, message_count=9),
        ChunkReady(
            **ids, chunk_id=UUID(int=7), index=3, content_hash="ab" * 16, token_count=30,
            conversations=(ConversationHeader("c1", "Moving house", STARTED),),
            messages=(
                said("m1", "I live in Porto and I work as a nurse.", created_at=STARTED, part=0),
                said("m2", "Good to know!", "assistant", created_at=STARTED, abridged=True),
            ),
        ),
        result_of(
            4, [fact_of("a"), fact_of("b")], dropped={"pasted": 1}, unread=("c9",), model="offline", **ids
        ),
        memory_of(**ids),
    )  # fmt: skip


def paths_of(body: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where values stand in a body, and a field that no schema has."""
    if isinstance(body, dict):
        body = {"unheard_of": None, **body}
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from paths_of(value, (*path, key))


def edges_of(value: Any) -> Sequence[str]:
    """The edges of the type of a value."""
    if isinstance(value, str):
        return TIMES if value.startswith("2024-") else TEXTS
    return SHAPES if isinstance(value, bool | list | dict) else NUMBERS


def edge_of(value: Any, number: int) -> str:
    """A value of the same type, about as far out as the type goes; or of any."""
    edges = EDGES if number >= OF_ITS_TYPE else edges_of(value)
    return edges[number % len(edges)]


def places_of(body: Any) -> list[tuple[str | int, ...]]:
    """Where values may be changed: whose it is, the target says."""
    return [path for path in paths_of(body) if path[-1] not in ("import_id", "user_id")]


def value_at(body: Any, path: Sequence[str | int]) -> Any:
    """The value that stands there, None for none."""
    for part in path:
        body = body.get(part) if isinstance(body, dict) else body[part]
    return body


def sweep() -> Iterator[Spoilt]:
    """Every number and time of every event at every edge of its type, alone."""
    for service, kind in enumerate(KINDS):
        (event,) = (e for e in templates(NOBODYS, NOBODYS) if type(e) is kind)
        body = json.loads(event.model_dump_json())
        for number, path in enumerate(places_of(body)):
            edges = edges_of(value_at(body, path))
            if edges is NUMBERS or edges is TIMES:
                for edge in range(len(edges)):
                    yield Spoilt(service, 0, [(number, edge)], broken=0, junk=b" ")


def record_of(spoilt: Spoilt, import_id: UUID, user_id: UUID) -> Record:
    """The record, of the import that its target is."""
    (event,) = (e for e in templates(import_id, user_id) if type(e) is KINDS[spoilt.service])
    encoded, headers = encode(event, source="hostile", pipeline="v2")
    told: list[tuple[str, bytes | None]] = [each for each in headers if each[0] != "ce_run"]
    body, written = json.loads(event.model_dump_json()), {}
    for number, value in spoilt.changes:
        places = places_of(body)
        *path, last = place = places[number % len(places)]
        at, before = value_at(body, path), value_at(body, place)
        if value is None:
            at.pop(last) if isinstance(at, list) else at.pop(last, None)
        else:
            at[last] = mark = PLACEHOLDER.format(len(written))
            written[json.dumps(mark)] = value if isinstance(value, str) else edge_of(before, value)
    text = json.dumps(body)
    for mark, value in written.items():
        text = text.replace(mark, value)
    cut = spoilt.junk[0] * len(encoded) // 256
    match spoilt.broken:
        case 1:
            return Record(None, told)
        case 2:
            return Record(encoded[:cut], told)
        case 3:
            return Record(encoded[:cut] + spoilt.junk + encoded[cut + 1 :], told)
        case 4:
            return Record(encoded + b" " * MAX_EVENT_BYTES, told)
        case 5:
            return Record(spoilt.junk, told)
        case 6:
            told[cut % len(told)] = (told[cut % len(told)][0], spoilt.junk)
        case 7:
            del told[cut % len(told)]
        case 8:
            told.append(("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"))
    return Record(text.encode(), told)


class Standing:
    """Services that run, an import that went through them undisturbed, a user who sends what he likes."""

    def __init__(self, setting: LocalSetting, store: Store, host: Host, export: Path) -> None:
        self._setting = setting
        self._store = store
        self._host = host
        self._export = export
        self._topics = [SERVICES[name].topic(setting.pipeline) for name in HOSTED]

    async def begin(self) -> None:
        """Let the undisturbed import through."""
        self._alone, self._wanted = await self._import(uuid4())

    async def bear(self, records: Sequence[Spoilt]) -> None:
        """Take these records while a neighbour's import runs, which must fare as if there were none."""
        setting, store, user, neighbours = self._setting, self._store, uuid4(), uuid4()
        ended_one = await setting.import_of("gone.zip", user)
        assert (await ended(store, ended_one)).state == "failed"
        begun = ended_one.model_copy(update={"import_id": uuid4()})
        await store.take_run(begun, setting.pipeline, "")
        targets = (begun.import_id, ended_one.import_id, neighbours, NOBODYS)

        async def begun_there() -> bool:
            """the neighbour's import is known as the neighbour's"""
            return await store.watch_run(neighbours, 1) is not None

        async with asyncio.TaskGroup() as group:
            neighbour = group.create_task(self._import(neighbours))
            await until(begun_there)
            for each in records:
                record = record_of(each, targets[each.target], user)
                await setting.send_raw(self._topics[each.service], *record)
        await setting.caught_up(self._host, *HOSTED)
        assert [each.name for each in self._host.running if each.state()[0].holds] == []
        run, facts = neighbour.result()
        assert (run.state, run.chunks_ok, run.chunks_dead) == ("complete", self._alone.chunks_ok, 0), run
        assert facts == self._wanted
        assert all(getattr(each.raw.event, "user_id", None) != run.user_id for each in self.letters())
        assert max((each.attempts for each in self.letters()), default=0) <= RetryPolicy().attempts
        assert {each.user_id for each in await store.read_usage()} >= {self._alone.user_id, run.user_id}
        await store.list_runs(limit=1000)
        await store.find_stalled(setting.pipeline, 0.0)

    def letters(self) -> Sequence[DeadLetter]:
        """All dead letters."""
        return [letter for to in self._topics for letter in self._setting.log.letters(to)]

    async def _import(self, import_id: UUID) -> tuple[RunRow, list[dict[str, Any]]]:
        event = await self._setting.import_of(self._export, import_id=import_id)
        return await ended(self._store, event), await facts_of(self._store, event.user_id)


@asynccontextmanager
async def standing(setting: LocalSetting, store: Store, export: Path) -> AsyncIterator[Standing]:
    """All services on one log in memory."""
    async with hosted(setting) as host:
        found = Standing(setting, store, host, export)
        await found.begin()
        yield found
