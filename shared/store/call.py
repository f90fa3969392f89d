"""Methods of the store from their signatures: `@call` sends its arguments to the SQL function of its name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, wraps
from inspect import Parameter, signature
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args, get_type_hints

from shared.store.answers import Answers
from shared.store.transport import Transport

M = TypeVar("M", bound=Callable[..., Coroutine[Any, Any, Any]])


class Calls:
    """What has `@call` methods."""

    _transport: Transport


@dataclass(frozen=True, slots=True)
class Sent:
    """Annotates a parameter that is sent as what `how` makes of it: `Annotated[Sequence[T], Sent(how)]`."""

    how: Callable[[Any], Any]


def rows(*names: str) -> Sent:
    """For a sequence: each item is sent as a JSON object of these attributes, whatever else it has."""

    def objects(items: Iterable[Any]) -> list[dict[str, Any]]:
        return [{name: getattr(item, name) for name in names} for item in items]

    return Sent(objects)


@dataclass(frozen=True, slots=True)
class After:
    """Annotates the parameter that a page begins after: a key of these fields of the row before. A page that
    lacks what cannot be read is filled up from the next: a page shorter than `limit` is the last."""

    fields: tuple[str, ...]

    def key(self, row: Mapping[str, Any]) -> list[Any]:
        """The key of a row as it was answered."""
        return [row[name] for name in self.fields]


SPREAD: Final = "spread"
"""Annotates a record whose fields are arguments of the function themselves; None stands for none of them.
A parameter of the same name as a field stands in its place."""


def call(method: M) -> M:
    """Make a signature with a docstring a call of the SQL function of the same name.

    Parameters are sent by name, as `transport.to_json` writes them or their annotation says (Sent, SPREAD).
    The answer is what the return annotation says; None drops it. A list lacks the rows that cannot be read.
    Raises StoreError.
    """

    @cache
    def function() -> SqlFunction:  # at the first call: a process calls a few of them, and adapters take time
        return SqlFunction(method)

    @wraps(method)
    async def called(self: Calls, *args: Any, **kwargs: Any) -> Any:
        sql = function()
        argument = sql.argument(args, kwargs)
        answer = await self._transport.call(sql.name, argument)
        found = sql.read(answer)
        if sql.after is not None:
            wanted = limit = argument["limit"]
            while len(answer) == limit and (limit := wanted - len(found)):
                argument |= {"after": sql.after.key(answer[-1]), "limit": limit}
                answer = await self._transport.call(sql.name, argument)
                found += sql.read(answer)
        return found

    return cast(M, called)


class SqlFunction:
    """A SQL function as a method declares it: its name, the names that are sent to it, its answer's type."""

    def __init__(self, method: Callable[..., Any]) -> None:
        hints = get_type_hints(method, include_extras=True)
        self.name = method.__name__
        self._signature = signature(method)
        _, *parameters = self._signature.parameters.values()  # the first is self
        self._names = frozenset(each.name for each in parameters)
        self._in_order = [each.name for each in parameters if each.kind is not Parameter.KEYWORD_ONLY]
        self._defaults = {
            each.name: each.default for each in parameters if each.default is not Parameter.empty
        }
        notes = {name: getattr(hints[name], "__metadata__", ()) for name in self._names}
        self._sent = {name: note.how for name in notes for note in notes[name] if isinstance(note, Sent)}
        self.after = next((note for name in notes for note in notes[name] if isinstance(note, After)), None)
        """How the function's pages go on, if it answers pages."""
        self._spread = {name: _fields_of(hints[name]) for name in notes if SPREAD in notes[name]}
        self.read = Answers(self.name, hints["return"]).read

    @property
    def sends(self) -> frozenset[str]:
        """The names of its parameters, without what is spread."""
        return self._names - self._spread.keys()

    @property
    def spreads(self) -> frozenset[str]:
        """The names that spread records send besides."""
        return frozenset().union(*self._spread.values())

    def argument(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """What is sent for these arguments of the method. Raises TypeError as the method itself would."""
        given = dict(zip(self._in_order, args, strict=False)) | kwargs  # Signature.bind takes thrice as long
        argument = self._defaults | given
        if argument.keys() != self._names or len(given) != len(args) + len(kwargs):
            self._signature.bind(None, *args, **kwargs)
        for name, how in self._sent.items():
            argument[name] = how(argument[name])
        for name, parts in self._spread.items():
            record = argument.pop(name)
            if record is not None:
                argument |= {part: getattr(record, part) for part in parts if part not in argument}
        return argument


def _fields_of(annotated: Any) -> tuple[str, ...]:
    """The names of the fields of a spread record, which may be optional."""
    declared = get_args(annotated)[0]
    record = next((each for each in get_args(declared) if each is not NoneType), declared)
    if is_dataclass(record):
        return tuple(field.name for field in fields(record))
    return tuple(getattr(record, "model_fields", None) or record._fields)
