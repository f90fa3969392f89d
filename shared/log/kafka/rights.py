"""What a login needs to be let do on a Kafka that asks: each service, each command, an app. One table, from
which `soulprint topics acls` prints commands, docs/security.md is compared, and tests grant what they try.

Kafka lets whoever may read or write a topic ask about it as well: that is not listed besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from shared.pipelines import (
    IMPORT_RECEIVED,
    READERS,
    SERVICES,
    V1,
    all_topics,
    live_topics,
    places_of,
    topic,
    topics_of,
)

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]
"""As Kafka spells it."""


class Right(NamedTuple):
    """One thing that a login may do with one topic or group."""

    operation: Operation
    kind: Literal["topic", "group"]
    name: str
    """Its whole name, but for the deployment's prefix."""

    def __str__(self) -> str:
        return f"{self.operation} on the {self.kind} {self.name}"

    def prefixed(self, prefix: str) -> Right:
        """The same in a deployment with this KAFKA_PREFIX."""
        return self._replace(name=prefix + self.name)


_VERBS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("Read", "topic"): "read",
        ("Read", "group"): "read as",
        ("Write", "topic"): "write to",
        ("Create", "topic"): "create",
        ("Describe", "topic"): "see",
        ("DescribeConfigs", "topic"): "see the configuration of",
    }
)


def refusal(operation: Operation, kind: Literal["topic", "group"], name: str) -> str:
    """What is said where Kafka does not let us do this: what is missing, and how it is had."""
    return (
        f"Kafka does not let this login {_VERBS[operation, kind]} the {kind} {name}: grant it {operation} "
        "there, as `soulprint topics acls` has it"
    )


APP: Final = "app"
"""Who publishes to `import.received`: whose memory is written is decided by what it says."""
OPS: Final = "ops"
"""Who runs the commands."""
LOGINS: Final = (*SERVICES, APP, OPS)
"""The logins of a deployment, as these rights are meant: a service each, apps, ops."""


def rights_of(login: str, pipeline: str) -> frozenset[Right]:
    """What one of LOGINS needs where PIPELINE says `pipeline`."""
    if login == APP:
        return frozenset(_on("Write", [topic(IMPORT_RECEIVED)]))
    if login == OPS:
        return frozenset().union(*(needs(pipeline) for needs in COMMANDS.values()))
    return _of_service(login, pipeline)


def _of_service(name: str, pipeline: str) -> frozenset[Right]:
    found = set[Right]()
    for place in places_of([name], pipeline):
        found |= _on("Write", place.publishes)
        if place.spec.reads is not None:
            reads = place.spec.topic(place.pipeline)
            found |= _on("Read", [reads, f"{reads}.dlq"]) | _on("Write", [f"{reads}.dlq"])
            found.add(Right("Read", "group", place.spec.group(place.pipeline)))
        if place.spec.letters:
            found |= _on("Read", _letters(pipeline))
    return frozenset(found)


def _on(operation: Operation, topics: Iterable[str]) -> set[Right]:
    return {Right(operation, "topic", name) for name in topics}


def _every(pipeline: str) -> list[str]:
    return [spec.name for spec in all_topics(pipeline)]


def _live(pipeline: str) -> list[str]:
    return [spec.name for spec in live_topics(pipeline)]


def _letters(pipeline: str) -> list[str]:
    return [spec.dead.name for spec in live_topics(pipeline)]


def _lanes(pipeline: str) -> list[str]:
    """The topics that an import is put on once it is decided where it goes."""
    return [topic(IMPORT_RECEIVED, each) for each in dict.fromkeys((pipeline, V1))]


def fed_with(pipeline: str) -> set[Right]:
    """What `replay feed` needs of the pipeline that it feeds; all of it is among what OPS needs there."""
    own = [spec.name for spec in topics_of(pipeline) if spec.name != topic(IMPORT_RECEIVED)]
    return _on("Describe", own) | _on("Write", [topic(IMPORT_RECEIVED, pipeline)])


def _seen(pipeline: str) -> set[Right]:
    return _on("Describe", _every(pipeline)) | _on("DescribeConfigs", _every(pipeline))


def _groups(pipeline: str) -> set[Right]:
    places = places_of(READERS, pipeline)
    return {Right("Describe", "group", place.spec.group(place.pipeline)) for place in places}


COMMANDS: Final[Mapping[str, Callable[[str], set[Right]]]] = MappingProxyType(
    {
        "topics create": lambda pipeline: _on("Create", _every(pipeline)) | _seen(pipeline),
        "doctor": lambda pipeline: _seen(pipeline) | _groups(pipeline),
        "submit": lambda pipeline: _on("Write", _lanes(pipeline)),
        "replay plan": lambda pipeline: {
            Right("Describe", "group", SERVICES["extractor"].group(pipeline)),
        },
        "replay feed": lambda pipeline: _on("Read", [topic(IMPORT_RECEIVED), *_lanes(pipeline)]),
        "dead show": lambda pipeline: _on("Read", _letters(pipeline)),
        "dead requeue": lambda pipeline: _on("Read", _letters(pipeline)) | _on("Write", _live(pipeline)),
    }
)
"""What each command needs, by its words; the others ask the database alone. `replay feed` needs `fed_with`
besides."""
