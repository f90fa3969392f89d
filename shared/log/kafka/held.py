"""What Kafka lets this login do: what it says of topics and groups when it is asked for that, too."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Final, get_args

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from shared.log.kafka.rights import Operation, Right

_BITS: Final = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_EVERYTHING: Final = sum(1 << bit for bit in _BITS.values())
_NOT_SAID: Final = -(2**31)
_TEXT: Final = String("utf-8")


class _TopicsTold(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("name", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _TopicsAsked(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _TopicsTold
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
    )


class _Topics(Request[_TopicsAsked]):  # type: ignore[misc]  # aiokafka is untyped
    """aiokafka speaks an older version, in which nothing is said of operations."""

    API_KEY = 3

    def __init__(self, names: Collection[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: type[_TopicsAsked]) -> _TopicsAsked:
        return request_struct_class(self._names, False, False, True)


class _GroupsAsked(DescribeGroupsRequest_v3):  # type: ignore[misc]  # aiokafka is untyped
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    """Not that of version 2, as in aiokafka, which leaves out the operations."""


class _Groups(Request[_GroupsAsked]):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupsAsked]) -> _GroupsAsked:
        return request_struct_class([self._group], True)


async def held_rights(admin: AIOKafkaAdminClient, wanted: Collection[Right]) -> set[Right] | None:
    """Those of `wanted` that this login has, or may have: of a topic that there is not nothing is said. None
    where Kafka is too old to say. Raises KafkaError."""
    topics = sorted({right.name for right in wanted if right.kind == "topic"})
    groups = sorted({right.name for right in wanted if right.kind == "group"})
    try:
        told = await admin._send_request(_Topics(topics))
        found = await asyncio.gather(*(_of_group(admin, group) for group in groups))
    except NotImplementedError:
        return None
    said = {("group", name): bits for name, bits in zip(groups, found, strict=True)}
    for code, name, _, _, bits in told.topics:
        said["topic", name] = _EVERYTHING if code and for_code(code).retriable else bits
    return {right for right in wanted if right.operation in _operations(said[right.kind, right.name])}


async def _of_group(admin: AIOKafkaAdminClient, group: str) -> int:
    with suppress(KafkaError):  # it may not even be seen
        answer: Any = await admin._send_request(_Groups(group), await admin.find_coordinator(group))
        return int(answer.groups[0][-1])
    return _NOT_SAID


def _operations(bits: int) -> Iterator[Operation]:
    if bits != _NOT_SAID:
        yield from (each for each in get_args(Operation) if bits >> _BITS[each] & 1)
