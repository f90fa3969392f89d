"""The topics of `shared.pipelines` on Kafka: made, and compared with what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from shared.domain.errors import SoulprintError
from shared.pipelines import TopicSpec

_COPIES = 3
_LEADER_TRIES = 200
_EXISTS = 36
_NONE = 0


class TopicError(SoulprintError):
    """Topics could not be created or read."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A topic that is not as its table says. Nothing is changed: that is for ops to decide."""

    topic: str
    what: str
    """`missing`, `partitions`, or the name of a configuration key."""
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
    created, refused = [], []
    for name, code, *message in answer.topic_errors:
        if code == _NONE:
            created.append(name)
        elif code != _EXISTS:
            refused.append(
                f"{name}: {for_code(code).__name__} {message[0] if message and message[0] else ''}"
            )
    if refused:
        raise TopicError(f"Kafka refused {len(refused)} topics: {'; '.join(refused)}")
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


async def find_drift(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> list[Drift]:
    """How the topics of the cluster differ from the table. Changes nothing."""
    if not specs:
        return []
    described = {t["topic"]: t for t in await admin.describe_topics([s.name for s in specs])}
    drifts, existing = [], []
    for spec in specs:
        found = described.get(spec.name)
        if found is None or found["error_code"] != _NONE:
            drifts.append(Drift(spec.name, "missing", "a topic", "none"))
            continue
        existing.append(spec)
        if (count := len(found["partitions"])) != spec.partitions:
            drifts.append(Drift(spec.name, "partitions", str(spec.partitions), str(count)))
    configs = await _configs(admin, [s.name for s in existing])
    for spec in existing:
        has = configs.get(spec.name, {})
        drifts += [
            Drift(spec.name, key, wanted, str(has.get(key)))
            for key, wanted in spec.settings.items()
            if has.get(key) != wanted
        ]
    return drifts


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, n) for n in names])
    configs = {}
    for answer in answers:
        for code, message, _kind, name, entries in answer.resources:
            if code != _NONE:
                raise TopicError(
                    f"cannot read the configuration of {name}: {message or for_code(code).__name__}"
                )
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs
