"""What an answer over REST means that is no function's: as errors of the store, which are judged as
those of the direct transport (`shared/resilience/faults.py`)."""

from __future__ import annotations

import re
from typing import Any

import orjson

from shared.domain.errors import StoreError
from shared.postgres.sqlstates import refusal

_SQLSTATE = re.compile(r"[0-9A-Z]{5}\Z")
_CODE = re.compile(r"[0-9A-Z]{5,10}\Z")
_PASSING = frozenset({429, 502, 503, 504})
"""Statuses of who cannot work on a call now."""
_CREDENTIALS, _TOO_LARGE, _NO_FUNCTION, _NO_SCHEMA = "28000", "54000", "42883", "3F000"
"""The SQLSTATEs that the same faults have on a direct connection."""
_NOT_ALLOWED = "42501"

_KEY_REFUSED = "the project refuses the key; is SUPABASE_SERVICE_ROLE_KEY this project's service key?"
_KEY_EXPIRED = "the key has expired, or another project signed it; look at SUPABASE_SERVICE_ROLE_KEY"
_OF_CODES = {
    _NOT_ALLOWED: (
        _NOT_ALLOWED,
        "the key's role may not do this; is SUPABASE_SERVICE_ROLE_KEY the service key?",
    ),
    "PGRST106": (_NO_SCHEMA, "the schema `public` is not exposed; add it to those of the project's Data API"),
    "PGRST202": (
        _NO_FUNCTION,
        "PostgREST knows no such function: apply the migrations; if they are applied, have it read the "
        "schema anew: NOTIFY pgrst, 'reload schema'",
    ),
    "PGRST300": (_CREDENTIALS, "PostgREST has no key to check tokens with; set its jwt-secret"),
    "PGRST301": (_CREDENTIALS, _KEY_EXPIRED),
    "PGRST302": (_CREDENTIALS, _KEY_REFUSED),
    "PGRST303": (_CREDENTIALS, _KEY_EXPIRED),
}
"""By PostgREST's own codes, and the one state whose remedy is another over REST: the SQLSTATE, what is so and
what to do."""
_OF_STATUSES = {
    401: (_CREDENTIALS, _KEY_REFUSED),
    403: (_CREDENTIALS, _KEY_REFUSED),
    404: (None, "no PostgREST answers there; is SUPABASE_URL the project's address?"),
    413: (_TOO_LARGE, "the call is larger than what lies before the database lets through"),
    429: (None, "the project asks for fewer calls"),
    540: (None, "the project is paused; restore it in its dashboard"),
}


class AnsweredError(Exception):
    """A call was answered, by no function. Never leaves the transport."""

    def __init__(self, status: int, code: str, message: str, wait: float, *, page: bool = False) -> None:
        super().__init__(status)
        self._status = status
        self._code = code
        self._message = message
        self._page = page
        self.wait = wait
        """Seconds that the other side asks to wait."""

    @property
    def passing(self) -> bool:
        """Whether nobody could work on the call now. What the database itself said stands, as on a direct
        connection."""
        return self._status in _PASSING and self._sqlstate is None

    def meaning(self, function: str) -> StoreError:
        """The error of the call."""
        if self._sqlstate is not None and self._sqlstate != _NOT_ALLOWED:
            return refusal(function, self._sqlstate, self._message)
        state, words = self._said()
        told = f"SQLSTATE {state}" if state == self._code else self._code or f"HTTP {self._status}"
        return StoreError(f"{function}: {words} ({told})", sqlstate=state)

    def _said(self) -> tuple[str | None, str]:
        if self._code in _OF_CODES:
            return _OF_CODES[self._code]
        if self._status in _OF_STATUSES:
            return _OF_STATUSES[self._status]
        if self._status in _PASSING:
            return None, "the database cannot be reached over REST; is the project running?"
        if self._page:
            return None, "a page came, and no answer; is SUPABASE_URL the project's, and no proxy between?"
        return None, "PostgREST refuses the call"

    @property
    def _sqlstate(self) -> str | None:
        return self._code if _SQLSTATE.match(self._code) else None


def unreachable(function: str) -> StoreError:
    """The error of a call that reached nobody."""
    return StoreError(
        f"{function}: the project cannot be reached; is SUPABASE_URL right, and the network up?"
    )


def read_refusal(status: int, body: bytes, wait: float) -> AnsweredError:
    """What a body that is no function's answer says. `details` and `hint` repeat what was sent, and are not
    read; of a page, nothing is."""
    try:
        told: Any = orjson.loads(body)
    except ValueError:
        return AnsweredError(status, "", "", wait, page=True)
    code, message = (told.get("code"), told.get("message")) if isinstance(told, dict) else (None, None)
    return AnsweredError(
        status,
        code if isinstance(code, str) and _CODE.match(code) else "",
        message if isinstance(message, str) else "",
        wait,
    )
