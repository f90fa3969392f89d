"""The topics of `shared.pipelines` on Kafka: made, and compared with what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAuthorizationFailedError, for_code

from shared.domain.errors import SoulprintError
from shared.log.kafka.rights import refusal
from shared.pipelines import TopicSpec

_COPIES = 3
_LEADER_TRIES = 200
_EXISTS = 36
_REFUSED = TopicAuthorizationFailedError.errno
_NONE = 0
MISSING = "missing"
REFUSED = "refused"


class TopicError(SoulprintError):
    """Topics could not be created or read."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A topic that is not as its table says. Nothing is changed: that is for ops to decide."""

    topic: str
    what: str
    """MISSING; REFUSED where it is not ours to see, or its configuration is not; `partitions`, or the name of
    a configuration key."""
    wanted: str
    found: str


async def ensure_topics(
    admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], *, replication: int | None = None
) -> tuple[list[str], list[Drift]]:
    """Create the topics that do not exist; the names of those, and how the others drift from the table.

    Copies of each record: `replication`, or else three where there are three brokers. (The client cannot ask
    for the cluster's default.) Raises TopicError that names every topic refused.
    """
    if replication is None:
        replication = min(_COPIES, len((await admin.describe_cluster())["brokers"]))
    answer = await admin.create_topics(
        [NewTopic(s.name, s.partitions, replication, topic_configs=s.settings) for s in specs]
    )
    created, refused, denied = [], [], []
    for name, code, *message in answer.topic_errors:
        if code == _NONE:
            created.append(name)
        elif code == _REFUSED:
            denied.append(name)
        elif code != _EXISTS:
            refused.append(
                f"{name}: {for_code(code).__name__} {message[0] if message and message[0] else ''}"
            )
    if refused:
        raise TopicError(f"Kafka refused {len(refused)} topics: {'; '.join(refused)}")
    if denied:
        raise TopicError(refusal("Create", "topic", ", ".join(sorted(denied))))
    await _until_led(admin, created)
    return created, await find_drift(admin, [s for s in specs if s.name not in created])


async def _until_led(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """Wait until brokers know new topics and their leaders: they learn of them a moment later."""
    for _ in range(_LEADER_TRIES):
        described = await admin.describe_topics(list(names)) if names else []
        if all(t["partitions"] and all(p["leader"] >= 0 for p in t["partitions"]) for t in described):
            return
        await asyncio.sleep(0.05)
    raise TopicError(f"topics were created but have no leaders yet: {', '.join(names)}; try again")


async def find_lacking(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> list[Drift]:
    """The topics that are MISSING or REFUSED. Asks for less than `find_drift`."""
    return (await _described(admin, specs))[0]


async def _described(
    admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]
) -> tuple[list[Drift], list[tuple[TopicSpec, int]]]:
    """Those that are lacking; the others, with how many partitions they have."""
    described = {t["topic"]: t for t in await admin.describe_topics([s.name for s in specs])} if specs else {}
    lacking, existing = [], []
    for spec in specs:
        found = described.get(spec.name)
        if found is None or found["error_code"] != _NONE:
            refused = found is not None and found["error_code"] == _REFUSED
            lacking.append(Drift(spec.name, REFUSED if refused else MISSING, "a topic", "none"))
        else:
            existing.append((spec, len(found["partitions"])))
    return lacking, existing


async def find_drift(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> list[Drift]:
    """How the topics of the cluster differ from the table. Changes nothing."""
    drifts, existing = await _described(admin, specs)
    drifts += [
        Drift(spec.name, "partitions", str(spec.partitions), str(count))
        for spec, count in existing
        if count != spec.partitions
    ]
    configs = await _configs(admin, [spec.name for spec, _ in existing])
    for spec, _ in existing:
        if spec.name not in configs:
            drifts.append(Drift(spec.name, REFUSED, "a configuration", "none"))
            continue
        has = configs[spec.name]
        drifts += [
            Drift(spec.name, key, wanted, str(has.get(key)))
            for key, wanted in spec.settings.items()
            if has.get(key) != wanted
        ]
    return drifts


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """By topic; without those whose configuration we may not see."""
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, n) for n in names])
    configs = {}
    for answer in answers:
        for code, message, _kind, name, entries in answer.resources:
            if code == _REFUSED:
                continue
            if code != _NONE:
                raise TopicError(
                    f"cannot read the configuration of {name}: {message or for_code(code).__name__}"
                )
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs
