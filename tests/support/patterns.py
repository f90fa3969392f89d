"""Every regular expression of the product, as its modules hold them once they are imported: in names of their
own, in tables, in fields of what they made."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import services
import shared
import soulprint

PACKAGES = (shared, services, soulprint)
_OURS = tuple(package.__name__ for package in PACKAGES)
_DEEPEST = 8


class Held(NamedTuple):
    """A pattern and where it was found."""

    place: str
    """`shared.domain.text._OLD_CITATION`, `shared.models.writer.voice.ASKS[0][1]`."""
    pattern: re.Pattern[Any]
    methods: frozenset[str]
    """Those of its methods that its module names; none where it stands in a table."""


@cache
def modules() -> list[ModuleType]:
    """All modules of the product."""
    found = list(PACKAGES)
    for package in PACKAGES:
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if each.name.rpartition(".")[2] != "__main__":
                found += [importlib.import_module(each.name)]
    return found


@cache
def patterns() -> list[Held]:
    """Every pattern once."""
    found: dict[tuple[Any, int], Held] = {}
    seen: set[int] = set()
    for module in modules():
        for name, value in list(vars(module).items()):
            if not name.startswith("__"):
                for place, pattern in _within(value, f"{module.__name__}.{name}", seen):
                    methods = _methods(module, name) if value is pattern else frozenset[str]()
                    key = pattern.pattern, pattern.flags
                    known = found.get(key)
                    if known is not None:
                        methods |= known.methods
                    found[key] = Held(place if known is None else known.place, pattern, methods)
    return list(found.values())


def _within(
    value: object, place: str, seen: set[int], depth: int = 0
) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield place, value
        return
    if id(value) in seen or depth > _DEEPEST:
        return
    seen.add(id(value))
    for name, inner in _parts(value):
        yield from _within(inner, f"{place}{name}", seen, depth + 1)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"[{key!r}]", inner
    elif isinstance(value, list | tuple | set | frozenset):
        for number, inner in enumerate(value):
            yield f"[{getattr(inner, 'name', number)}]", inner
    elif isinstance(value, FunctionType):
        if value.__module__.partition(".")[0] in _OURS:
            yield from (("()", each) for each in value.__defaults__ or ())
            yield from (("()", each.cell_contents) for each in value.__closure__ or () if _is_filled(each))
    elif (kind.__module__ or "").partition(".")[0] in _OURS:
        slots = [slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ())]
        for name in (*getattr(value, "__dict__", {}), *slots):
            inner = inspect.getattr_static(value, name, None) if value is kind else getattr(value, name, None)
            yield f".{name}", inner


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _methods(module: ModuleType, name: str) -> frozenset[str]:
    return frozenset(re.findall(rf"\b{re.escape(name)}\.([a-z]+)", inspect.getsource(module)))


def made_when_called() -> Iterator[tuple[str, str]]:
    """Where a function makes or uses a pattern that no module holds: (module, function)."""
    for module in modules():
        if module.__file__ is None:
            continue
        for function in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                map(_calls_re, ast.walk(function))
            ):
                yield module.__name__, function.name


def _calls_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr != "escape"
    )
