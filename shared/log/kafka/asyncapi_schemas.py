"""JSON Schemas of the events, each field with what its docstring says."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Collection, Iterator
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.domain import events, facts
from shared.domain.events import Event

_REF = "#/components/schemas/{model}"


def schemas_of(models: Collection[type[Event]]) -> dict[str, Any]:
    """By name, the schemas of these models and of all that stands in them."""
    _, whole = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    found: dict[str, Any] = {name: whole["$defs"][name] for name in sorted(whole["$defs"])}
    for name, schema in found.items():
        told = dict(_told(_class(name)))
        for field, property_ in schema.get("properties", {}).items():
            property_.pop("title", None)  # the name again
            if field in told:
                # A reference takes no words beside it in AsyncAPI's schemas.
                ref = property_.pop("$ref", None)
                property_ |= {"description": told[field]} | ({"allOf": [{"$ref": ref}]} if ref else {})
    return found


def _class(name: str) -> type:
    found: type = getattr(events, name, None) or getattr(facts, name)
    return found


def _told(model: type) -> Iterator[tuple[str, str]]:
    """The fields of a model and of those it stands on, each with the docstring below it."""
    for each in reversed(model.__mro__):
        if each.__module__ not in (events.__name__, facts.__name__):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(body, ast.ClassDef)  # noqa: S101 - it is the source of a class
        for field, below in zip(body.body, body.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    yield name, inspect.cleandoc(text).replace("\n", " ")
