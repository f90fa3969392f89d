"""How the store reaches its SQL functions: one protocol, and how what it sends is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import orjson
from pydantic import BaseModel

from shared.domain.errors import StoreError

_NO_TEXT = "22021"
"""The SQLSTATE of bytes that are no text: what the database would say if it could be sent."""

CALL_SECONDS: Final = 45.0
"""Bound of a call, waits for a connection included: under a minute, with what the caller does then."""
_LONGER: Final = 10.0
_LONG: Final = frozenset(
    {
        "claim_run",
        "commit_memory",
        "accept_memory",
        "plan_replay",
        "restore_version",
        "start_replay",
        "stop_replay",
        "advance_replays",
        "read_replay_progress",
        "read_replay_figures",
        "finish_chunking",
        "take_dead_letters",
        "list_dead_letters",
        "settle_facts",
        "list_facts",
        "search_passages",
        "read_usage",
        "count_embeddings",
        "search_embeddings",
        "tell_embeddings",
    }
)
"""Functions that touch or read all that a run or a user has; their SQL sets a statement_timeout, which
holds over REST. Of 300,000 facts and 200,000 passages claim_run took 5 s, finish_chunking and search_passages
2 s, commit_memory 4 s where it suspects a loss, the others far less than one."""


def seconds_for(function: str, seconds: float = CALL_SECONDS) -> float:
    """The bound of a call of this function, where others have so many `seconds`."""
    return seconds * _LONGER if function in _LONG else seconds


class Transport(Protocol):
    """Calls a SQL function that takes one JSON argument and answers JSON."""

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """The function's answer, decoded. Raises StoreError, also where none came within `seconds_for`.

        `argument` holds what `to_json` can write.
        """
        ...

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        ...


def to_json(function: str, argument: Mapping[str, Any]) -> bytes:
    """The argument of a function as it is sent: what orjson can write (UUIDs, times, dataclasses included),
    models, and named tuples as arrays. Raises StoreError."""
    try:
        return orjson.dumps(argument, default=_written)
    except TypeError:  # its message may show the value
        raise StoreError(
            f"{function}: an argument cannot be written as JSON, such as a lone surrogate "
            f"(SQLSTATE {_NO_TEXT})",
            sqlstate=_NO_TEXT,
        ) from None


def _written(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return orjson.Fragment(value.__pydantic_serializer__.to_json(value))
    if isinstance(value, tuple):
        return tuple(value)
    raise TypeError
