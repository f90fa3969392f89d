"""What the API takes, by the types of the vendor's own SDK: every name at every depth, and schemas."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from typing_extensions import get_type_hints, is_typeddict

SCHEMA_WORDS = {
    "$defs", "$ref", "type", "enum", "properties", "required", "additionalProperties", "items", "minItems",
    "anyOf", "format",
}  # fmt: skip
"""Keywords of a schema that the API compiles; bounds and patterns it refuses."""


def wrong_in(params: dict[str, Any]) -> str | None:
    """What the API would refuse of a request's parameters, in its own form; None if it takes them."""
    return next(_wrong(params), None)


def _wrong(params: dict[str, Any]) -> Iterator[str]:
    yield from _unlike(MessageCreateParamsNonStreaming, params, "")
    if params["messages"][-1]["role"] != "user":
        yield "messages: the last turn must be the user's: this model takes no prefill"
    given = (params.get("output_config") or {}).get("format")
    if given is not None:
        yield from _unfit(given["schema"], "output_config.format.schema")


def _unlike(kind: Any, value: Any, place: str) -> Iterator[str]:
    """How a value differs from a type of the SDK; an alternative that takes it is enough."""
    origin = get_origin(kind)
    if origin in (Required, NotRequired, Annotated):
        yield from _unlike(get_args(kind)[0], value, place)
    elif origin in (Union, types.UnionType):
        each = [list(_unlike(choice, value, place)) for choice in get_args(kind)]
        if all(each):
            yield max((problems[0] for problems in each), key=len)
    elif origin is Literal:
        if value not in get_args(kind):
            yield f"{place}: Input should be one of {len(get_args(kind))} words"
    elif is_typeddict(kind):
        yield from _unlike_keys(kind, value, place)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            yield f"{place}: Input should be an object"
    elif isinstance(origin, type) and issubclass(origin, Iterable):
        if not isinstance(value, list):
            yield f"{place}: Input should be a list"
            return
        for number, each_value in enumerate(value):
            yield from _unlike(get_args(kind)[0], each_value, f"{place}.{number}")
    elif kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{place}: Input should be a number"
    elif isinstance(kind, type) and kind is not object and not _is(value, kind):
        yield f"{place}: Input should be {kind.__name__}"


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _unlike_keys(kind: Any, value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: Input should be an object"
        return
    kinds = _kinds(kind)
    before = f"{place}." if place else ""
    for name in kind.__required_keys__ - value.keys():
        yield f"{before}{name}: Field required"
    for name, inner in value.items():
        if name not in kinds:
            yield f"{before}{name}: Extra inputs are not permitted"
        else:
            yield from _unlike(kinds[name], inner, f"{before}{name}")


@cache
def _kinds(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _unfit(schema: dict[str, Any], place: str) -> Iterator[str]:
    """What of a schema the API does not compile."""
    for word in schema.keys() - SCHEMA_WORDS:
        yield f"{place}: {word} is not supported"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{place}: additionalProperties must be false"
    if schema.get("minItems", 0) > 1:
        yield f"{place}: minItems must be 0 or 1"
    for word in ("properties", "$defs"):
        for name, inner in schema.get(word, {}).items():
            yield from _unfit(inner, f"{place}.{word}.{name}")
    for inner in (*schema.get("anyOf", ()), *((schema["items"],) if "items" in schema else ())):
        yield from _unfit(inner, place)


wrong_in({
    "model": "m",
    "max_tokens": 1,
    "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"type": "text"}]}],
    "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
    "thinking": {"type": "disabled"},
    "output_config": {"format": {"type": "json_schema", "schema": {}}, "effort": "low"},
})  # fmt: skip  # the types are looked up once, and not while a call waits
