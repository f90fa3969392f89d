"""What SQL functions answer, as the types that methods declare. A bad row costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, get_args, get_origin

import structlog
from pydantic import ValidationError

from shared.domain.discreet import adapter_of
from shared.domain.errors import StoreError, UnreadableAnswerError

_UNREADABLE = "22000"
"""The SQLSTATE of a data exception: the value is to blame, and neither the database nor its schema."""
_IDS = ("user_id", "import_id", "run", "index", "id")
"""What is told of a row that cannot be read: whose and which it is."""
_ID_CHARS = 40

log = structlog.get_logger(__name__)


class Answers:
    """Reads the answers of one SQL function, of which each is a list of rows or one value."""

    def __init__(self, function: str, declared: Any) -> None:
        self._function = function
        self._nothing = declared is NoneType
        self._validate = None if self._nothing else adapter_of(declared).validator.validate_python
        self._of_row: Callable[[Any], Any] | None = None
        if get_origin(declared) is list:
            self._of_row = adapter_of(get_args(declared)[0]).validator.validate_python

    def read(self, answer: Any) -> Any:
        """The answer as it is declared; a list without the rows that cannot be read. Raises StoreError, with
        a SQLSTATE where it is a value that cannot be read, and not another form of answer."""
        if self._validate is None:
            return None
        if self._of_row is not None and answer is None:
            return []
        try:
            return self._validate(answer)
        except ValidationError as error:
            if self._of_row is None or not isinstance(answer, list):
                raise _refused(self._function, error) from None
        return self._readable(answer, self._of_row)

    def _readable(self, rows: list[Any], of_row: Callable[[Any], Any]) -> list[Any]:
        found = []
        for row in rows:
            try:
                found.append(of_row(row))
            except ValidationError as error:
                _pass_over(self._function, row, error)
        return found


def _pass_over(function: str, row: Any, error: ValidationError) -> None:
    if not isinstance(row, Mapping) or _of_another_form(error):
        raise _refused(function, error) from None
    ids = {
        name: row[name]
        for name in _IDS
        if isinstance(row.get(name), str | int) and len(str(row[name])) <= _ID_CHARS
    }
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    log.warning(
        "a row cannot be read", function=function, field=str(first["loc"][0]), error=first["type"], **ids
    )


def _of_another_form(error: ValidationError) -> bool:
    """Whether a field is missing that this SoulPrint asks for, or the whole is not what it knows."""
    errors = error.errors(include_input=False, include_context=False, include_url=False)
    return any((len(each["loc"]) == 1 and each["type"] == "missing") or not each["loc"] for each in errors)


def _refused(function: str, error: ValidationError) -> StoreError:  # its own message shows values
    if _of_another_form(error):
        return UnreadableAnswerError(
            f"{function}: the database answers in another form than this SoulPrint knows; "
            "update SoulPrint, or apply the migrations"
        )
    return StoreError(
        f"{function}: the database holds a value that cannot be read (SQLSTATE {_UNREADABLE})",
        sqlstate=_UNREADABLE,
    )
