"""`soulprint usage`: what models cost, by user, over all runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
import typer
from rich.console import Console
from rich.table import Table

from cli.session import opened_store
from shared.ids import user_id_for
from shared.settings import load_settings
from shared.store.operations import UserUsage


def usage_command(user: str | None, *, as_json: bool) -> None:
    """Print what each user cost, the dearest first; or one user."""
    found = asyncio.run(_read(user))
    if as_json:
        typer.echo(orjson.dumps([each.model_dump(mode="json") for each in found], option=orjson.OPT_INDENT_2))
        return
    Console().print(_table(found))
    if lost := sum(each.unanswered for each in found):
        typer.echo(f"{lost:,} calls got no reply: what they cost is not known, and not counted")


async def _read(user: str | None) -> list[UserUsage]:
    async with opened_store(load_settings()) as store:
        return await store.read_usage(None if user is None else user_id_for(user))


def _table(found: Sequence[UserUsage]) -> Table:
    table = Table("user", "runs", "calls", "in", "out", "cache read", "cache written", "cost")
    for each in found:
        table.add_row(
            str(each.user_id),
            f"{each.runs:,}",
            f"{each.calls:,}",
            f"{each.input_tokens:,}",
            f"{each.output_tokens:,}",
            f"{each.cache_read_tokens:,}",
            f"{each.cache_write_tokens:,}",
            "not known" if each.cost is None else f"${each.cost:,.4f}",
        )
    return table
