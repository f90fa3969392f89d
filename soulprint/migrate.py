"""`soulprint migrate`: bring the schema of the database up to date, or say what that would be."""

from __future__ import annotations

import asyncio
import shutil
from itertools import groupby
from typing import Any

from shared.domain.errors import UsageError
from shared.postgres.embeddings import prepare_embeddings
from shared.postgres.migrate import migrate, plan
from shared.postgres.plan import Plan, Step
from shared.settings import Settings, load_settings
from soulprint.blocks import NARROWEST
from soulprint.terminal import is_terminal, say, say_json

CONFLICTS_EXIT = 2
_SHOWN = 100
"""Characters of a statement's line where there is no terminal to fit it to."""


def migrate_command(*, only_plan: bool, as_json: bool) -> int:
    """Apply what is missing and say what that was, or what it would be. Answers the exit code: 2 for a plan
    with conflicts. Raises UsageError without a DATABASE_URL, MigrationError where the database refuses."""
    settings = load_settings()
    url = settings.database_url
    if url is None:
        raise UsageError(
            "set DATABASE_URL to the address of the database to migrate"
            + (
                "; over REST none can be"
                if settings.store_kind == "rest"
                else "; the embedded one needs none"
            )
        )
    if only_plan:
        planned = asyncio.run(_planned(url.get_secret_value(), settings))
        if as_json:
            say_json(_as_json(planned))
        else:
            say(*told(planned))
        return CONFLICTS_EXIT if planned.conflicts else 0
    applied = asyncio.run(_applied(url.get_secret_value(), settings))
    if as_json:
        say_json({"applied": applied})
    else:
        say(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
    return 0


async def _applied(dsn: str, settings: Settings) -> list[str]:
    """The versions applied, and what was made for embeddings, where a server for them is set."""
    applied = await migrate(dsn)
    if settings.embeddings_url:
        applied += await prepare_embeddings(dsn, settings.embeddings_dimensions)
    return applied


async def _planned(dsn: str, settings: Settings) -> Plan:
    """The same as a plan. While migrations are missing, what embeddings need is told as a whole."""
    planned = await plan(dsn)
    if settings.embeddings_url and not planned.conflicts:
        if planned.versions:
            made = [f"SELECT public.prepare_embeddings({settings.embeddings_dimensions})"]
        else:
            made = await prepare_embeddings(dsn, settings.embeddings_dimensions, kept=False)
        planned.steps += [Step("embeddings", each) for each in made]
    return planned


def _as_json(planned: Plan) -> dict[str, Any]:
    return {
        "missing": planned.versions,
        "statements": planned.steps,
        "conflicts": [
            {"place": each.place, "is": each.found, "needs": each.needed} for each in planned.conflicts
        ],
    }


def told(planned: Plan) -> list[str]:
    """A plan for people: a line a statement, by file."""
    if planned.conflicts:
        head = f"{_counted(len(planned.conflicts), 'conflict')} with what the database holds:"
        foot = "nothing was changed, and nothing can be applied until these are settled"
        return [head, *(f"  {conflict}" for conflict in planned.conflicts), foot]
    if not planned.steps:
        return ["the schema is up to date"]
    lines = []
    for file, steps in groupby(planned.steps, lambda step: step.file):
        lines += [file, *(f"  {_shown(text)}" for step in steps for text in _ran(step))]
    count = _counted(len(planned.steps), "statement")
    return [*lines, f"{count} would be run; nothing was changed (--json has each of them whole)"]


def _ran(step: Step) -> tuple[str, ...]:
    """What a block that decides for itself ran says more than the block."""
    return step.ran or (step.statement,)


def _shown(statement: str) -> str:
    """A statement in one line: up to the body of what it makes, for a function."""
    line = " ".join(statement.split(" AS $", 1)[0].split())
    most = max(NARROWEST, shutil.get_terminal_size().columns - 2) if is_terminal() else _SHOWN
    return line if len(line) <= most else f"{line[: most - 3]}..."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
