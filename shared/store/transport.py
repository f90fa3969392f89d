"""How the store reaches its SQL functions: one protocol, and how what it sends is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson
from pydantic import BaseModel

from shared.domain.errors import StoreError

_NO_TEXT = "22021"
"""The SQLSTATE of bytes that are no text: what the database would say if it could be sent."""


class Transport(Protocol):
    """Calls a SQL function that takes one JSON argument and answers JSON."""

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """The function's answer, decoded. Raises StoreError.

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
