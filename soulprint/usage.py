"""`soulprint usage`: what models cost, by user, over all runs."""

from __future__ import annotations

import asyncio

import orjson
import typer

from shared.domain.ids import user_id_for
from shared.domain.plurals import counted
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.usage import UserUsage
from soulprint.blocks import block
from soulprint.naming import Names, called, names_of
from soulprint.outputs import unanswered


def usage_command(user: str | None, *, as_json: bool) -> None:
    """Print what each user cost, the dearest first; or one user."""
    found, names = asyncio.run(_read(user))
    if as_json:
        rows = [{**each.model_dump(mode="json"), "user_name": names.get(each.user_id)} for each in found]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    typer.echo("\n".join(_block(each, names) for each in found) or "no runs yet")
    if lost := sum(each.unanswered for each in found):
        typer.echo(block(unanswered(lost)))


async def _read(user: str | None) -> tuple[list[UserUsage], Names]:
    async with opened_store(load_settings()) as store:
        found = await store.read_usage(None if user is None else user_id_for(user))
        return found, await names_of(store, (each.user_id for each in found))


def _block(each: UserUsage, names: Names) -> str:
    cost = "at a price that is not known" if each.cost is None else f"${each.cost:,.4f}"
    tokens = (
        f"tokens: {_tokens(each.input_tokens)} in, {_tokens(each.output_tokens)} out, "
        f"{_tokens(each.cache_read_tokens)} cached"
    )
    return block(
        f"{called(names, each.user_id)}: {cost}",
        f"{counted(each.runs, 'run')}, {counted(each.calls, 'call')}; {tokens}",
    )


def _tokens(count: int) -> str:
    """In few characters; --json has them all."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:,.1f}{unit}"
    return str(count)
