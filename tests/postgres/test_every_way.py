"""Every method of the store is answered over every transport: its name is known there, its rights are given,
and its argument arrives whole. What it does is told over one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from inspect import Parameter, getmembers, signature, unwrap
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from shared.domain.errors import StoreError
from shared.domain.events import ChunkReady, FactsExtracted, ImportReceived, MemoryReady
from shared.store.chunks import PassageRow
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.chunks import chunk_of, said
from tests.support.records import ANNA, IMPORT, PassageOf, fact_of, memory_of, result_of

METHODS = [name for name, each in getmembers(Store) if hasattr(each, "__wrapped__")]
OURS = ("SP", "22", "23")
"""How the codes begin of what a function itself refuses."""
NOW = datetime(2024, 5, 1, tzinfo=UTC)
SAMPLES: dict[Any, Any] = {
    str: "öffentlich \U0001f54a",
    UUID: IMPORT,
    int: 1,
    float: 0.5,
    bool: True,
    datetime: NOW,
    Any: None,
    ImportReceived: ImportReceived(import_id=IMPORT, user_id=ANNA, run=1, source="a/b.zip", requested_at=NOW),
    MemoryReady: memory_of(),
    FactsExtracted: result_of(0, [fact_of("a")]),
    ChunkReady: chunk_of(said("m1", "I live in Porto.")),
    PassageRow: PassageOf(),
}


def sample_of(hint: Any) -> Any:
    """Something of this type."""
    if hint in SAMPLES:
        return SAMPLES[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return sample_of(arguments[0])
    if origin is tuple or hasattr(hint, "_fields"):
        each = arguments or get_type_hints(hint).values()
        found = [sample_of(part) for part in each if part is not Ellipsis]
        return hint(*found) if hasattr(hint, "_fields") else tuple(found)
    if origin is not None and issubclass(origin, Mapping):
        return {}
    if origin is not None and issubclass(origin, Sequence):
        return [sample_of(arguments[0])]
    hints = get_type_hints(hint)
    needed = (
        [field.name for field in dataclasses.fields(hint) if _is_needed(field)]
        if dataclasses.is_dataclass(hint)
        else [name for name, field in hint.model_fields.items() if field.is_required()]
    )
    return hint(**{name: sample_of(hints[name]) for name in needed})


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


async def answered(store: Store, name: str) -> str:
    """What becomes of a call with something for each parameter that must be given."""
    method = unwrap(getattr(Store, name))
    hints = get_type_hints(method)
    _, *parameters = signature(method).parameters.values()
    given = {p.name: sample_of(hints[p.name]) for p in parameters if p.default is Parameter.empty}
    try:
        await getattr(store, name)(**given)
    except StoreError as error:
        return error.sqlstate or str(error)
    return "answered"


@EVERY_WAY
async def test_every_method_is_answered(store: Store) -> None:
    outcomes = {name: await answered(store, name) for name in METHODS}
    refused = {name: each for name, each in outcomes.items() if each != "answered"}
    assert {name: each for name, each in refused.items() if not each.startswith(OURS)} == {}
    assert len(refused) < len(outcomes) // 10
