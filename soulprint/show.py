"""`soulprint show`: the stored memory, read back."""

from __future__ import annotations

import asyncio
from uuid import UUID

import orjson
import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from shared.domain.errors import SoulprintError, UsageError
from shared.domain.facts import FactStatus
from shared.domain.ids import user_id_for
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.records import FoundPassage, Profile, StoredFact
from shared.store.store import Store
from soulprint.context import in_context, printable
from soulprint.facts import LISTED, PAGE, listed_facts
from soulprint.facts import as_json as fact_json

SECTIONS = ("memory", "soul", "identity", "user", "agents", "tools")
SHORT_ID = 8
"""Characters of a fact's id that documents and lists show."""


def show_command(
    user: str, *, section: str | None, facts: bool, search: str | None, why: str | None, as_json: bool
) -> None:
    """Show one thing; MEMORY by default. Raises UsageError for what cannot be asked."""
    if sum([section is not None, facts, search is not None, why is not None]) > 1:
        raise UsageError("choose one of --section, --facts, --search and --why")
    if section is not None and section.lower() not in SECTIONS:
        raise UsageError(f"there is no section of that name; there are {', '.join(SECTIONS)}")
    asyncio.run(_show(user_id_for(user), (section or "memory").lower(), facts, search, why, as_json))


async def _show(
    user_id: UUID, section: str, facts: bool, search: str | None, why: str | None, as_json: bool
) -> None:
    async with opened_store(load_settings()) as store:
        profile = await store.read_profile(user_id)
        if profile is None or profile.import_id is None:
            raise SoulprintError(f"user {user_id} has no memory yet: run `soulprint run EXPORT` first")
        if why is not None:
            await _show_why(store, user_id, why, as_json)
        elif search is not None:
            await _show_found(store, user_id, search, as_json)
        elif facts:
            await _show_facts(store, user_id, as_json)
        else:
            _show_section(profile, section, as_json)


def _show_section(profile: Profile, section: str, as_json: bool) -> None:
    text = getattr(profile, f"{section}_md") or ""
    if as_json:
        _print_json({"section": section, "text": text})
    elif not text:
        typer.echo(f"Nothing in the export supports the section {section.upper()}.")
    elif Console().is_terminal:
        Console().print(Markdown(text, hyperlinks=False))
    else:
        typer.echo(printable(text))


async def _show_facts(store: Store, user_id: UUID, as_json: bool) -> None:
    async for fact in listed_facts(store, user_id):
        typer.echo(orjson.dumps(fact_json(fact)) if as_json else _line(fact))


async def _show_found(store: Store, user_id: UUID, search: str, as_json: bool) -> None:
    facts = await store.list_facts(user_id, None, PAGE, status=LISTED, search=search)
    passages = await store.search_passages(user_id, search)
    if as_json:
        _print_json(
            {
                "facts": [fact_json(fact) for fact in facts],
                "passages": [passage.model_dump(mode="json") for passage in passages],
            }
        )
        return
    for fact in facts:
        typer.echo(_line(fact))
    for passage in passages:
        typer.echo(_found(passage))
    if not facts and not passages:
        typer.echo("Nothing found.")


async def _show_why(store: Store, user_id: UUID, prefix: str, as_json: bool) -> None:
    found = await store.find_fact(user_id, prefix.removeprefix("f:"))
    if not found:
        raise SoulprintError(f"no fact's id begins with {prefix[:40]!r}; `soulprint show --facts` lists them")
    if len(found) > 1:
        raise UsageError(f"{len(found)} facts' ids begin so: give more of the id")
    (fact,) = found
    passages = await store.read_passages(user_id, fact.conversation_id)
    before, quote, after = in_context(fact.quote, [passage.content for passage in passages])
    if as_json:
        _print_json({"fact": fact_json(fact), "context": {"before": before, "quote": quote, "after": after}})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_line(fact)))
    stated = f"{fact.stated_at:%Y-%m-%d %H:%M} UTC" if fact.stated_at else "at an unknown time"
    console.print(
        Text(printable(f"said {stated} in “{fact.conversation_title}” (conversation {fact.conversation_id})"))
    )
    if fact.support > 1:
        console.print(Text(f"and in {fact.support - 1} more conversations"))
    if fact.superseded_by:
        console.print(Text(f"superseded by {str(fact.superseded_by)[:SHORT_ID]}"))
    console.print(
        Text.assemble("\n", printable(before), (printable(quote), "bold reverse"), printable(after))
    )


def _line(fact: StoredFact) -> str:
    stated = f"{fact.stated_at:%Y-%m-%d}" if fact.stated_at else "undated   "
    history = " (history)" if fact.status is FactStatus.SUPERSEDED else ""
    statement = printable(fact.statement)
    return f"{str(fact.id)[:SHORT_ID]}  {stated}  {fact.category.value:<11}  {statement}{history}"


def _found(passage: FoundPassage) -> str:
    stated = f"{passage.created_at:%Y-%m-%d}" if passage.created_at else "undated   "
    return printable(f"passage   {stated}  {passage.title}: …{' '.join(passage.snippet.split())}…")


def _print_json(value: object) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))
