"""Of an exception that is not ours no word is told: what the code of all rooms does with what it catches."""

from __future__ import annotations

import ast
import importlib
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.domain.told import OURS, is_ours, told, told_by_name, way_of
from shared.resilience.faults import PoisonError

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for room in sorted(OURS)
    for file in sorted((ROOT / room).rglob("*.py"))
    if file.name != "__main__.py"
]
DOOR = ("shared/domain/told.py", "shared/logs/")
"""What may look into any exception."""
HARMLESS = {
    "__cause__", "__context__", "__traceback__", "with_traceback", "errno", "exceptions", "pos", "retriable",
    "sqlstate", "status", "status_code", "response", "errors", "error_count", "returncode", "api_message",
    "error_code", "headers", "value",
}  # fmt: skip
"""What of an exception is a number, a fixed word, or looked at and never told; `errors` is pydantic's, and
asked for without what was given; `value` is StopIteration's, an answer."""
FIXED_WORDS = {
    ("services/gateway/problems.py", "detail"): "HTTPException: written by us, or a status's own phrase",
    ("shared/exports/formats/copilot.py", "str"): "csv.Error: one of a dozen fixed sentences",
    ("shared/exports/json/value.py", "msg"): "JSONDecodeError: the parser's fixed words, without the text",
    ("shared/exports/containers/guard.py", "str"): "BadZipFile: looked at, not told",
    ("shared/log/kafka/diagnosis.py", "verify_message"): "SSLCertVerificationError: OpenSSL's fixed words",
    ("shared/log/kafka/diagnosis.py", "reason"): "SSLError: OpenSSL's name of the fault",
    ("shared/models/claude/parsing.py", "msg"): "JSONDecodeError: looked at, not told",
    ("shared/models/claude/failures.py", "type"): "APIStatusError: told if it is a word of the API's form",
    ("shared/postgres/embeddings.py", "message"): "told by schema_refusal, where it can repeat no value",
    ("shared/postgres/turn.py", "message"): "told by schema_refusal, where it can repeat no value",
    ("soulprint/outputs.py", "filename"): "OSError: a file below the folder that the person named",
    ("soulprint/outputs.py", "filename2"): "the same",
    ("shared/store/direct.py", "message"): "told by refusal, of states of our own alone",
}
"""Words of an exception that is not ours, used all the same: where, which, and why they may be."""
WRITERS = {"str", "repr", "format", "ascii", "vars", "print"}
"""What makes words of an exception."""

Bound = dict[str, bool]
"""Names of exceptions: whether they can only be ours."""
Found = tuple[int, str]


def names(tree: ast.Module, module: types.ModuleType) -> dict[str, Any]:
    """What names of a module mean, those that a function imports among them."""
    found = dict(vars(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node.col_offset:
            exec(compile(ast.Module([node], []), "imports", "exec"), found)
    return found


def classes(kind: Any) -> Iterator[type[BaseException]]:
    """The exceptions in what an `except` or an annotation names."""
    if isinstance(kind, tuple):
        for each in kind:
            yield from classes(each)
    elif isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        yield from classes(typing.get_args(kind))
    elif (origin := typing.get_origin(kind)) is not None:
        yield from classes(origin)
    elif isinstance(kind, type) and issubclass(kind, BaseException):
        yield kind


def ours(kinds: list[type[BaseException]]) -> bool:
    return all(kind.__module__.partition(".")[0] in OURS for kind in kinds)


class Words(ast.NodeVisitor):
    """Finds where words of exceptions that are not ours are used."""

    def __init__(self, meanings: dict[str, Any]) -> None:
        self.meanings = meanings
        self.bound: Bound = {}
        self.found: list[Found] = []

    def meaning(self, expression: ast.expr) -> Any:
        text = expression.value if isinstance(expression, ast.Constant) else ast.unparse(expression)
        try:
            return eval(str(text), dict(self.meanings))
        except (NameError, AttributeError, RuntimeError):
            return None  # a variable, or super(): no type

    def within(self, bound: Bound, nodes: list[Any]) -> None:
        before, self.bound = self.bound, {**self.bound, **bound}
        for node in nodes:
            self.visit(node)
        self.bound = before

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        kinds = [] if node.type is None else [*classes(self.meaning(node.type))]
        assert node.type is None or kinds, f"{node.lineno}: what does it catch?"
        self.within({node.name: ours(kinds)} if node.name else {}, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        bound: Bound = {}
        for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if each.annotation and (kinds := [*classes(self.meaning(each.annotation))]):
                bound[each.arg] = ours(kinds)
        self.within(bound, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def assigned(self, target: ast.expr, value: ast.expr | None) -> None:
        if not isinstance(target, ast.Name):
            return
        self.bound.pop(target.id, None)
        if isinstance(value, ast.Name) and value.id in self.bound:
            self.bound[target.id] = self.bound[value.id]
        elif isinstance(value, ast.Call) and ast.unparse(value.func).endswith((".exception", "first_of")):
            self.bound[target.id] = False

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        self.assigned(node.targets[0], node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.assigned(node.target, node.value)

    def foreign(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and not self.bound.get(node.id, True)

    def narrowed(self, test: ast.expr) -> Bound:
        """What `isinstance` makes ours, where the test holds."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            return {name: True for each in test.values for name in self.narrowed(each)}
        if isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance":
            name, kind = test.args
            kinds = [*classes(self.meaning(kind))]
            if isinstance(name, ast.Name) and name.id in self.bound and kinds and ours(kinds):
                return {name.id: True}
        return {}

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self.within(self.narrowed(node.test), node.body)
        self.within({}, node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self.within(self.narrowed(node.test), [node.body])
        self.visit(node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        bound: Bound = {}
        for each in node.values:
            self.within(bound, [each])
            bound |= self.narrowed(each) if isinstance(node.op, ast.And) else {}

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if self.foreign(node.value):
            self.found.append((node.lineno, "str"))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mod) and any(self.foreign(each) for each in ast.walk(node.right)):
            self.found.append((node.lineno, "str"))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if self.foreign(node.value) and node.attr not in HARMLESS:
            self.found.append((node.lineno, node.attr))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called.startswith(("traceback.", "sys.exc_info")) or called.endswith(".format_exc"):
            self.found.append((node.lineno, called))
        if any(self.foreign(each) for each in node.args) and (
            called in WRITERS
            or called.endswith((".format", ".join", ".write", ".echo"))
            or (isinstance(node.func, ast.Name | ast.Attribute) and [*classes(self.meaning(node.func))])
        ):
            self.found.append((node.lineno, "str"))
        self.generic_visit(node)


def words_in(source: str, module: types.ModuleType) -> list[Found]:
    tree = ast.parse(source)
    looking = Words(names(tree, module))
    looking.visit(tree)
    return looking.found


def test_no_room_tells_the_words_of_an_exception_that_is_not_ours() -> None:
    used: dict[tuple[str, str], list[int]] = {}
    for file in FILES:
        path = str(file.relative_to(ROOT))
        if path.startswith(DOOR):
            continue
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for line, what in words_in(file.read_text(), importlib.import_module(name)):
            used.setdefault((path, what), []).append(line)
    wrong = {
        f"{path}:{lines[0]}": what for (path, what), lines in used.items() if (path, what) not in FIXED_WORDS
    }
    assert wrong == {}, "tell them by shared.domain.told"
    assert FIXED_WORDS.keys() - used.keys() == set()


WRONG = """
try: x()
except ValueError as error: {}
"""


@pytest.mark.parametrize(
    ("use", "what"),
    [
        ("y(str(error))", "str"),
        ("y(repr(error))", "str"),
        ("y(f'it broke: {error}')", "str"),
        ("y(f'it broke: {error!r:.10}')", "str"),
        ("y('it broke: %s' % error)", "str"),
        ("y('it broke: %s %d' % (error, 1))", "str"),
        ("y('{}'.format(error))", "str"),
        ("y(error.args[0])", "args"),
        ("other = error; y(str(other))", "str"),
        ("raise StoreError(error)", "str"),
        ("y(traceback.format_exc())", "traceback.format_exc"),
    ],
)
def test_every_way_to_tell_them_is_seen(use: str, what: str) -> None:
    here = types.ModuleType("here")
    vars(here).update(StoreError=StoreError)
    assert words_in(WRONG.format(use), here) == [(3, what)]


def test_our_own_words_may_be_told() -> None:
    here = types.ModuleType("here")
    vars(here).update(StoreError=StoreError, told=told)
    source = "def f(error: StoreError | None) -> str: return f'{error}'\n"
    source += "def g(error: Exception) -> str: return told(error)\n"
    assert words_in(source, here) == []
    assert words_in(source.replace("StoreError", "OSError"), here) == [(1, "str")]


def test_what_is_told() -> None:
    def raised(error: Exception) -> Exception:
        try:
            raise error
        except Exception as caught:
            return caught

    stranger = raised(ValueError("a stranger's words"))
    assert told(stranger).startswith("ValueError at unit/test_told.py:")
    assert told(ValueError("a stranger's words")) == "ValueError"
    assert told(StoreError("our own words")) == "our own words"
    assert told_by_name(PoisonError("x", "our own words")) == "PoisonError: our own words"
    assert told_by_name(stranger) == told(stranger)
    assert told(ExceptionGroup("words", [ExceptionGroup("words", [stranger])])) == told(stranger)
    assert not is_ours(stranger)
    assert is_ours(StoreError("x"))
    assert way_of(stranger)[0].endswith(" raised")
