"""Models whose errors do not repeat what they were given. Pydantic's would: a ValidationError shows its
input, which is a row, a record or an answer of a model."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, NewType, is_typeddict

from pydantic import BaseModel, ConfigDict, TypeAdapter

DISCREET = ConfigDict(hide_input_in_errors=True)


class Discreet(BaseModel):
    """What every model of ours derives from (`tests/unit/test_discreet.py` looks)."""

    model_config = DISCREET


def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """Validates what is no model; a model brings its own configuration."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return TypeAdapter(kind)
    if is_dataclass(kind) or is_typeddict(kind):
        renamed: Any = NewType
        kind = renamed(kind.__name__, kind)  # by its own name pydantic takes no configuration beside it
    return TypeAdapter(kind, config=DISCREET)
