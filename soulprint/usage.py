"""`soulprint usage`: what models cost, by user, over all runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from shared.domain.ids import user_id_for
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.usage import UserUsage
from soulprint.outputs import unanswered


def usage_command(user: str | None, *, as_json: bool) -> None:
    """Print what each user cost, the dearest first; or one user."""
    found = asyncio.run(_read(user))
    if as_json:
        typer.echo(orjson.dumps([each.model_dump(mode="json") for each in found], option=orjson.OPT_INDENT_2))
        return
    if not found:
        typer.echo("no runs yet")
        return
    Console().print(_table(found))
    if lost := sum(each.unanswered for each in found):
        typer.echo(unanswered(lost))


async def _read(user: str | None) -> list[UserUsage]:
    async with opened_store(load_settings()) as store:
        return await store.read_usage(None if user is None else user_id_for(user))


def _table(found: Sequence[UserUsage]) -> Table:
    whole_id = Column("user", no_wrap=True, min_width=36)
    table = Table(
        whole_id,
        "runs",
        "calls",
        "in",
        "out",
        "cached",
        "cost",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=0,
        pad_edge=False,
    )
    for each in found:
        table.add_row(
            str(each.user_id),
            f"{each.runs:,}",
            f"{each.calls:,}",
            _tokens(each.input_tokens),
            _tokens(each.output_tokens),
            _tokens(each.cache_read_tokens),
            "not known" if each.cost is None else f"${each.cost:,.4f}",
        )
    return table


def _tokens(count: int) -> str:
    """Few characters, so that a line fits a terminal; --json has them all."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:,.1f}{unit}"
    return str(count)
