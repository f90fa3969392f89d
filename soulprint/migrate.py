"""`soulprint migrate`: bring the database's schema up to date, before services start."""

from __future__ import annotations

import asyncio

import orjson
import typer

from shared.domain.errors import UsageError
from shared.postgres.migrate import migrate
from shared.settings import load_settings


def migrate_command(*, as_json: bool) -> None:
    """Apply what is missing and say what that was. Raises UsageError without a DATABASE_URL, MigrationError
    where the database refuses."""
    url = load_settings().database_url
    if url is None:
        raise UsageError(
            "set DATABASE_URL to the database to migrate, to its own address (port 5432), as REST has no "
            "way to; the embedded one needs no migrating"
        )
    applied = asyncio.run(migrate(url.get_secret_value()))
    if as_json:
        typer.echo(orjson.dumps({"applied": applied}))
    else:
        typer.echo(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
