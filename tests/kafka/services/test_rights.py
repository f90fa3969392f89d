"""Services, commands and an app on a Kafka that denies by default, each with a login of its own and the
rights that shared.log.kafka.rights says it needs: all goes through, and none of them is too many."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey
from shared.host import host
from shared.log.health import ready
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.connection import wait_for_kafka
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.rights import APP, Right, fed_with
from shared.log.metrics import PoolMetrics
from shared.log.ports import LogUnavailableError
from shared.pipelines import IMPORT_RECEIVED, MAX_EVENT_BYTES, SERVICES, V1, live_topics
from shared.requests import relay
from shared.requests.accept import Terms, accept
from shared.requests.request import request_of
from shared.store.store import Store
from soulprint.doctor.check import Check
from soulprint.doctor.kafka import check_kafka
from soulprint.topics import publisher_of
from tests.kafka.services.buried import bury, known, wired
from tests.support.command import Finished
from tests.support.exports import chain, json_of
from tests.support.face import DIGEST, called
from tests.support.ops import CommandOf
from tests.support.ruled_kafka import LOGINS, RuledKafka, needs, ruled_kafka
from tests.support.services import Setting, ended, hosted, submitted
from tests.support.waiting import until

__all__ = ["ruled_kafka"]


@pytest.fixture
def ruled(ruled_kafka: RuledKafka, database: str, exports: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """A pipeline on the ruled broker; the test itself comes in where nobody is asked anything."""
    monkeypatch.setattr(host, "CONNECTIONS", 3)
    monkeypatch.setattr(host, "OF_A_FACE", 2)  # the embedded server takes 50 in all
    quick = {"dead_letter_seconds": 0.3, "min_coverage": 0.0, "extract_workers": 0}
    return Setting(ruled_kafka.bootstrap, database, exports, changes=quick)


def of(setting: Setting, kafka: RuledKafka, login: str, **changes: Any) -> Setting:
    """The pipeline, as this login reaches it."""
    return replace(setting, changes={**setting.changes, **kafka.settings(login), **changes})


def whole(setting: Setting, rights: Iterable[Right]) -> list[Right]:
    """These rights in this pipeline."""
    return [right.prefixed(setting.prefix) for right in rights]


async def grant(kafka: RuledKafka, setting: Setting, needed: Mapping[str, Iterable[Right]]) -> None:
    """Let logins do what they need."""
    await kafka.grant([(login, right) for login in needed for right in whole(setting, needed[login])])


@pytest.mark.slow
async def test_each_does_its_part_with_its_rights_and_needs_every_one_of_them(
    ruled_kafka: RuledKafka,
    ruled: Setting,
    store: Store,
    exports: Path,
    command_of: CommandOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "OLD_SECONDS", 0.0)
    needed = {login: needs(login) for login in LOGINS}
    needed["replay feed"] |= fed_with("v3")
    await grant(ruled_kafka, ruled, needed)
    by = _By(ruled_kafka, ruled, command_of)

    for _ in range(2):
        assert (await by.command("topics create")).code == 0
    looked = await by.command("doctor")
    assert looked.code == 0, looked
    assert "every topic is as it should be" in looked.out
    assert "Kafka lets this login look, and do nobody's part" in looked.out
    await replace(ruled, pipeline="v3").make_topics()
    requeued = await _set_aside(by, exports / "small.zip")
    async with AsyncExitStack() as stack:
        # Two that were accepted and not offered: the consolidator offers them. One that the log has lost:
        # quickpass drives it again.
        owed = [await _accepted(store, ruled, exports, pipeline) for pipeline in ("v2", V1)]
        lost = await _accepted(store, ruled, exports, V1)
        await store.note_offered([RunKey(lost.import_id, lost.run)])
        changes = {
            "gateway": {"service_keys": DIGEST, "import_buckets": "imports", "profile_format": "app"},
            "quickpass": {"stall_seconds": 0.5},
            "chunker": {"chunk_tokens": 60_000},
        }

        async def start(service: str) -> None:
            mine = of(ruled, ruled_kafka, service, **changes.get(service, {}))
            by.hosts[service] = await stack.enter_async_context(hosted(mine, (service,)))

        await start("consolidator")
        await until(lambda: _offered(ruled))
        await asyncio.gather(*(start(service) for service in SERVICES if service not in by.hosts))
        published = [
            ruled.event_of(_unspeakable(exports), pipeline="v2"),
            ruled.event_of(exports / "small.zip", pipeline=V1),
        ]
        async with _publisher(ruled_kafka, ruled, APP) as publisher:
            for event in published:
                await publisher.publish(IMPORT_RECEIVED, str(event.import_id), event)
        asked = submitted(
            await by.command("submit", exports / "small.zip", "--json", profile_format="app"), UUID(int=1)
        )
        async with called(by.hosts["gateway"].public_port) as client:
            user = str(uuid4())
            body = {"source": f"imports/{user}/1-a.zip", "user_id": user}
            taken = await client.post("/imports", json=body)
        assert taken.status_code == 202, taken.text
        for event in (*owed, lost, *published, asked):
            run = await ended(store, event)
            assert run.state == "complete", run
        letters = await known(store, 14)
        one_of_each = {letter.topic: letter.id for letter in letters}
        shown = await asyncio.gather(*(by.command("dead show", letter) for letter in one_of_each.values()))
        assert [each.code for each in shown] == [0] * len(live_topics("v2")), shown
        which = [letter.id for letter in letters]
        put_back = await by.command("dead requeue", *which, "--reason", "mended", "--json")
        assert put_back.json()["requeued"] == 1, put_back
        assert (await ended(store, requeued)).state == "complete"
        planned, fed = await asyncio.gather(
            by.command("replay plan", "--since", "1h", "--json"),
            by.command("replay feed", "--pipeline", "v3", "--since", "1h", "--json"),
        )
        assert planned.code == 0, planned
        assert fed.json()["fed"] > 0, fed

    asked_for = defaultdict(set)
    for decision in ruled_kafka.decisions():
        if decision.name.startswith(ruled.prefix) or decision.kind == "cluster":
            assert decision.allowed, decision
            asked_for[decision.login].add((decision.operation, decision.kind, decision.name))
    for login, rights in needed.items():
        had = {(_spelled(right.operation), right.kind, right.name) for right in whole(ruled, rights)}
        assert had - asked_for[login] == set(), f"{login} does not need these"
        seen = {("DESCRIBE", kind, name) for _, kind, name in had}  # goes with every other right
        assert asked_for[login] - had <= seen, f"{login} needs more"


def _spelled(operation: str) -> str:
    """As the broker writes it: DESCRIBE_CONFIGS."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()


class _By:
    """What is done by each login."""

    def __init__(self, kafka: RuledKafka, setting: Setting, command_of: CommandOf) -> None:
        self.kafka, self.setting, self._command_of = kafka, setting, command_of
        self.hosts: dict[str, host.Host] = {}

    async def command(self, words: str, *arguments: object, **changes: Any) -> Finished:
        """A command, by the login that it has."""
        command = self._command_of(of(self.setting, self.kafka, words, **changes))
        return await asyncio.to_thread(command, *words.split(), *arguments)


def _log(kafka: RuledKafka, setting: Setting, login: str) -> KafkaLog:
    return KafkaLog.of(of(setting, kafka, login).settings(), PoolMetrics(CollectorRegistry()))


def _publisher(kafka: RuledKafka, setting: Setting, login: str) -> AbstractAsyncContextManager[Publisher]:
    """A publisher of this login's, for a block."""
    return publisher_of(_log(kafka, setting, login), login)


async def _set_aside(by: _By, source: Path) -> ImportReceived:
    """On each topic a record that will be set aside, and on its dead-letter topic one that was: of these, the
    event may be put back."""
    setting = by.setting
    async with _publisher(by.kafka, setting, "dead requeue") as publisher:
        for spec in live_topics("v2"):
            await publisher.send(setting.prefix + spec.name, key=b"k", value=b"no event", headers=[])
    for spec in live_topics("v2"):
        if spec.name != f"{IMPORT_RECEIVED}.v2":
            header = [("dlq_id", str(uuid4()).encode())]
            await setting.send_all(setting.prefix + spec.dead.name, [(b"k", b"no event", header)])
    event = setting.event_of(source)
    await bury(setting, IMPORT_RECEIVED, *wired(event))
    return event


async def _accepted(store: Store, setting: Setting, exports: Path, pipeline: str) -> ImportReceived:
    """An import that the database has, and the log has not."""
    settings = setting.settings()
    request = request_of(str(exports / "small.zip"), uuid4(), settings, None)
    return (await accept(request, store, settings, Terms(pipeline=pipeline))).event


async def _offered(setting: Setting) -> bool:
    """The log has what was owed to it"""
    of_v1 = replace(setting, pipeline=V1)
    return await setting.published(IMPORT_RECEIVED, 2) and await of_v1.published(IMPORT_RECEIVED, 2)


def _unspeakable(exports: Path) -> Path:
    """An export with a chunk that is too large for the log."""
    export = exports / "unspeakable.json"
    unspeakable = chain("\x01" * (MAX_EVENT_BYTES // 5), conversation_id="c2")
    export.write_bytes(json_of([chain("I live in Porto."), unspeakable]))
    return export


@pytest.mark.slow
async def test_what_a_service_may_not_do_pauses_it_with_the_right_that_it_lacks_until_it_has_it(
    ruled_kafka: RuledKafka, ruled: Setting, store: Store, exports: Path
) -> None:
    services = ("router", "chunker", "extractor", "consolidator", "writer")
    await ruled.make_topics()
    await grant(ruled_kafka, ruled, {login: needs(login) for login in (*services, APP)})
    lost = {
        "router": Right("Write", "topic", "import.received.v2"),
        "chunker": Right("Write", "topic", "chunks.ready.v2"),
        "extractor": Right("Read", "group", "soulprint.v2.extractor"),
        "consolidator": Right("Read", "topic", "facts.extracted.v2"),
        "writer": Right("Write", "topic", "memory.ready.v2.dlq"),
    }
    said = {
        "chunker": "paused (faults: TopicRefusedError: Kafka does not let this login write to the topic ",
        "extractor": "paused (rights: Kafka does not let this login read as the group ",
        "consolidator": "paused (rights: Kafka does not let this login read the topic ",
        "writer": "paused (dead letters: cannot write a dead letter: TopicRefusedError: Kafka does not let",
    }
    hosts: dict[str, host.Host] = {}
    async with AsyncExitStack() as stack:
        for service in services:
            hosts[service] = await stack.enter_async_context(
                hosted(of(ruled, ruled_kafka, service), (service,))
            )
        for login, right in lost.items():
            await ruled_kafka.revoke(login, right.prefixed(ruled.prefix))
        unseen = Right("Read", "topic", "chunks.ready.v2.dlq").prefixed(ruled.prefix)
        await ruled_kafka.revoke("consolidator", unseen)
        letter = await bury(ruled, IMPORT_RECEIVED, b"no event", [])
        assert [each.id for each in await known(store, 1)] == [letter], "one that is refused hides no other"
        events = [ruled.event_of(exports / "small.zip", pipeline=each) for each in ("v9", "v2")]
        async with _publisher(ruled_kafka, ruled, APP) as publisher:
            for event in events:
                await publisher.publish(IMPORT_RECEIVED, str(event.import_id), event)
        other = await ruled.import_of(exports / "small.zip")
        await ruled.send_raw("memory.ready", b"no event")
        for service, why in said.items():
            name = lost[service].prefixed(ruled.prefix).name

            def is_said(service: str = service, why: str = why, name: str = name) -> bool:
                reasons = " ".join(_unready(hosts[service]))
                return why in reasons and f"{name}: grant it" in reasons

            is_said.__doc__ = f"{service} says what it lacks"
            await until(is_said)
        assert _unready(hosts["router"]) == [], "what is for other lanes goes on"
        for login, right in lost.items():
            await ruled_kafka.grant([(login, right.prefixed(ruled.prefix))])
        assert (await ended(store, other)).state == "complete"
        await until(lambda: all(not _unready(each) for each in hosts.values()))


def _unready(found: host.Host) -> list[str]:
    """Why the services of a process are not ready."""
    states = [state for each in found.running if (state := each.state()) is not None]
    return list(ready(states).reasons)


@pytest.mark.slow
async def test_who_lacks_a_right_is_told_which_and_goes_on_once_it_is_granted(
    ruled_kafka: RuledKafka, ruled: Setting, store: Store, exports: Path, command_of: CommandOf
) -> None:
    await ruled.make_topics()
    await replace(ruled, pipeline="v3").make_topics()
    as_app = command_of(of(ruled, ruled_kafka, APP))  # to which nothing is granted
    fed = f"{ruled.prefix}import.received.v3"
    wanted = {
        (
            "submit",
            exports / "small.zip",
        ): f"write to the topic {ruled.topic(IMPORT_RECEIVED)}: grant it Write",
        ("topics", "create"): f"create the topic {ruled.prefix}chunks.ready.v2, ",
        ("replay", "feed", "--pipeline", "v3", "--since", "1h"): f"see the topic {fed}, ",
    }
    for words, why in wanted.items():
        refused = await asyncio.to_thread(as_app, *words)
        assert refused.code == 1
        assert f"Kafka does not let this login {why}" in " ".join(refused.err.split()), refused
        assert "Traceback" not in refused.err
    log, chunks = _log(ruled_kafka, ruled, APP), ruled.topic("chunks.ready")
    with pytest.raises(LogUnavailableError, match=f"read the topic {re.escape(chunks)}: grant it Read"):
        await log.reading().spans("chunks.ready.v2")
    assert await log.reading().topics() == []
    said: list[str] = []
    waiting = asyncio.create_task(wait_for_kafka(log.connection, {chunks}, tell=said.append))
    await until(lambda: bool(said))
    assert f"read the topic {chunks}: grant it Read there" in said[0]
    await ruled_kafka.grant([(APP, Right("Read", "topic", chunks))])
    await waiting


async def test_doctor_says_whose_part_a_login_may_do(ruled_kafka: RuledKafka, ruled: Setting) -> None:
    await ruled.make_topics()
    lost = Right("Read", "group", "soulprint.v2.writer")
    needed = {"extractor": needs("extractor"), "writer": needs("writer") - {lost}}
    await grant(ruled_kafka, ruled, needed)

    async def said(login: str | None) -> Check:
        settings = of(ruled, ruled_kafka, login).settings() if login else ruled.settings()
        *_, found = await check_kafka(settings)
        return found

    lacking = lost.prefixed(ruled.prefix)
    wanted = {
        "extractor": (True, "Kafka lets this login do the part of extractor"),
        "writer": (False, f"Kafka lets this login do nobody's part; of that of writer it lacks {lacking}"),
        APP: (True, "Kafka lets this login look, and do nobody's part"),
        None: (True, "Kafka lets this login do what every service, an app and ops do"),
    }
    for login, (ok, found) in wanted.items():

        async def is_said(login: str | None = login, ok: bool = ok, found: str = found) -> bool:
            """doctor says what the login may do, once the broker knows"""
            check = await said(login)
            return (check.name, check.ok, check.found) == ("rights", ok, found)

        await until(is_said)
