"""No error of a model shows what the model was given."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from shared.domain.discreet import Discreet, adapter_of
from shared.domain.told import OURS
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for room in sorted(OURS)
    for file in sorted((ROOT / room).rglob("*.py"))
    if file.name != "__main__.py"
]


def models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in base.__subclasses__():
        yield from models(each)
        if each.__module__.partition(".")[0] in OURS:
            yield each


def test_every_model_of_ours_is_discreet() -> None:
    for file in FILES:
        path = str(file.relative_to(ROOT)).removesuffix(".py").removesuffix("/__init__")
        importlib.import_module(path.replace("/", "."))
    found = {each.__qualname__: each.model_config.get("hide_input_in_errors") for each in models(BaseModel)}
    assert len(found) > 80
    assert [name for name, hidden in found.items() if not hidden] == []
    assert Settings.__qualname__ in found


def test_every_adapter_of_ours_is_made_by_the_one_function() -> None:
    made = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        if file.name != "discreet.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("TypeAdapter", "validate_call", "with_config")
    ]
    assert made == []


class Row(Discreet):
    statement: int


@dataclass(frozen=True, slots=True)
class Plain:
    statement: int


@pytest.mark.parametrize(
    "kind", [Row, list[Row], Plain, list[Plain], dict[str, Row], tuple[int, ...], int | None]
)
def test_what_was_given_is_not_in_the_words(kind: object) -> None:
    row = {"statement": "Nora MARKED"}
    for given in (row, [row], {"x": row}, "Nora MARKED", ["Nora MARKED"]):
        with pytest.raises(ValidationError) as refused:
            adapter_of(kind).validate_python(given)
        assert "MARKED" not in str(refused.value)
        assert "MARKED" not in repr(refused.value)
