"""What migrating does to a database, told statement by statement while it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

import asyncpg
from asyncpg.exceptions import PostgresLogMessage

from shared.postgres.adoption import Conflict

TOLD: Final = "SP010"
"""Of a notice by which a DO block says which statement it ran; it decides for itself, so nothing else can."""
_THERE: Final = frozenset({"42P07", "42701", "42710", "42P06"})
"""Of the notice with which Postgres skips what is there already."""
_NOTHING: Final = ("INSERT 0 0", "UPDATE 0", "DELETE 0")
"""How Postgres answers a statement that changes no row."""
_ASIDE: Final = "SELECT set_config("
"""How a statement begins that sets something for the files alone."""


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that changes something. `file` is the migration's version."""

    file: str
    statement: str
    ran: tuple[str, ...] = ()
    """Of a block that decides for itself: what it ran."""


@dataclass(slots=True)
class Plan:
    """What migrating does, or would do; with a conflict it does nothing."""

    versions: list[str] = field(default_factory=list)
    """The migrations that are missing."""
    steps: list[Step] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


class Teller:
    """Runs statements on a connection while it is entered, and keeps those that had something to do."""

    def __init__(self, connection: asyncpg.Connection, plan: Plan) -> None:
        self._connection = connection
        self._plan = plan
        self._notices: list[PostgresLogMessage] = []

    def __enter__(self) -> Self:
        self._connection.add_log_listener(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.remove_log_listener(self._note)

    def _note(self, _: object, message: PostgresLogMessage) -> None:
        self._notices.append(message)

    async def run(self, file: str, statement: str) -> None:
        """Run one statement of a file."""
        self._notices.clear()
        answer = await self._connection.execute(statement)
        states = {notice.sqlstate for notice in self._notices}
        ran = tuple(notice.message for notice in self._notices if notice.sqlstate == TOLD)
        idle = bool(states & _THERE) or answer in _NOTHING or statement.startswith(_ASIDE)
        if ran or not (idle or answer == "DO"):
            self._plan.steps.append(Step(file, statement, ran))
