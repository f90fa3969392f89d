"""What the database's refusals mean, by SQLSTATE."""

from __future__ import annotations

from shared.domain.errors import StoreError, UnansweredError

OWN_STATES = frozenset({"SP002", "SP003"})
"""SQLSTATEs that the SQL functions raise themselves, with messages that hold no person's text."""

_MEANINGS = {
    "22P05": "a text holds a NUL character, which Postgres cannot store; repair the text first",
    "25006": "the database takes no writes: it is a standby, or its disk is full",
    "23503": "a row that this one belongs to is not there: is the user known to the app (auth.users)?",
    "23514": "a value lies outside its allowed range",
    "3F000": "the schema is missing; apply the migrations",
    "42501": "the role may not do this; connect as a member of soulprint_service",
    "42804": "a column has another type than SoulPrint's; soulprint migrate --plan names it",
    "42883": "the function is missing; apply the migrations",
    "42P01": "a table is missing; apply the migrations",
    "53100": "the disk is full; free some space and run again",
    "53200": "the database is out of memory",
    "53300": "the database has no free connection; close others or raise max_connections",
    "55P03": "a lock is held by another",
    "P0001": "a trigger or function that is not SoulPrint's refused it",
    "57014": "it took longer than the database allows (statement_timeout)",
}
_CLASSES = {
    "08": "the connection was lost",
    "22": "a value is not what the database expects",
    "23": "a rule of the schema was broken",
    "25": "the transaction is in a state in which it can do nothing",
    "26": "a prepared statement is gone: is a transaction pooler between? Use the direct address",
    "28": "the database refused the credentials",
    "3D": "the database does not exist",
    "40": "it collided with another transaction; run it again",
    "53": "the database lacks resources",
    "54": "a value is larger than an index of the database takes",
    "57": "the database is starting, stopping or was told to stop this",
    "58": "the database met an error of its system, such as an unreadable disk",
    "XX": "the database met an internal error",
}


_OF_NAMES = frozenset({"0A", "2B", "42", "55"})
"""Classes of states whose messages name things of the schema, and repeat no value."""


def schema_refusal(sqlstate: str | None, message: str) -> str:
    """Why a change of the schema was refused: in the database's own words where they can repeat no value."""
    if sqlstate is None or sqlstate in OWN_STATES or sqlstate[:2] in _OF_NAMES:
        return message
    return _meaning(sqlstate)


def refusal(function: str, sqlstate: str | None, message: str = "") -> StoreError:
    """The error for a refused call. `message`, the database's own words, is told only for our own states,
    since Postgres repeats values in its messages."""
    if sqlstate is None:
        return StoreError(f"{function}: the database cannot be reached; is it running?")
    meaning = message if sqlstate in OWN_STATES else _meaning(sqlstate)
    return StoreError(f"{function}: {meaning} (SQLSTATE {sqlstate})", sqlstate=sqlstate)


def _meaning(sqlstate: str) -> str:
    return _MEANINGS.get(sqlstate) or _CLASSES.get(sqlstate[:2], "the database refused")


def unanswered(function: str, seconds: float) -> UnansweredError:
    """The error for a call that got no answer within its bound."""
    return UnansweredError(
        f"{function}: the database gave no answer within {seconds:g} s; is the network to it up, "
        "and is it not overloaded?"
    )
