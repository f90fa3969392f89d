"""`soulprint show`: the stored memory, read back."""

from __future__ import annotations

import asyncio

from shared.domain.errors import UsageError
from shared.domain.facts import FactStatus
from shared.domain.plurals import counted, listed
from shared.domain.printable import on_one_line
from shared.english.likely import is_likely
from shared.english.themes import THEME_CHARS, theme_of
from shared.store.chunks import FoundPassage
from shared.store.facts import StoredFact
from soulprint.drawing import say_markdown, say_marked
from soulprint.facts import as_json as fact_json
from soulprint.memory import Memory, open_memory
from soulprint.terminal import say, say_fitted, say_json

SHORT_ID = 8
"""Characters of a fact's id that documents and lists show."""


def show_command(
    user: str, *, section: str | None, facts: bool, search: str | None, why: str | None, as_json: bool
) -> None:
    """Show one thing; MEMORY by default. `section` is a field of Sections. Raises UsageError for two."""
    if sum([section is not None, facts, search is not None, why is not None]) > 1:
        raise UsageError("choose one of --section, --facts, --search and --why")
    asyncio.run(_show(user, section or "memory", facts, search, why, as_json))


async def _show(
    user: str, section: str, facts: bool, search: str | None, why: str | None, as_json: bool
) -> None:
    async with open_memory(user) as memory:
        if why is not None:
            await _show_why(memory, why, as_json)
        elif search is not None:
            await _show_found(memory, search, as_json)
        elif facts:
            await _show_facts(memory, as_json)
        else:
            _show_section(memory, section, as_json)


def _show_section(memory: Memory, section: str, as_json: bool) -> None:
    text: str = getattr(memory.sections, section)
    if as_json:
        say_json({"section": section, "text": text}, indent=True)
    elif not text:
        say(f"Nothing in the export supports the section {section.upper()}.")
    else:
        say_markdown(text)


async def _show_facts(memory: Memory, as_json: bool) -> None:
    async for fact in memory.facts():
        if as_json:
            say_json(fact_json(fact))
        else:
            say(_line(fact, memory))


async def _show_found(memory: Memory, search: str, as_json: bool) -> None:
    found = await memory.search(search)
    if as_json:
        say_json(
            {
                "facts": [fact_json(fact) for fact in found.facts],
                "passages": [passage.model_dump(mode="json") for passage in found.passages],
                "by_words_alone": found.by_words_alone,
            },
            indent=True,
        )
        return
    for fact in found.facts:
        say(_line(fact, memory))
    for passage in found.passages:
        say(_found(passage))
    if not found.facts and not found.passages:
        say("Nothing found.")
    if found.by_words_alone:
        say_fitted(f"searched by words alone: {found.by_words_alone}", err=True)


async def _show_why(memory: Memory, reference: str, as_json: bool) -> None:
    origin = await memory.why(reference)
    fact = origin.fact
    if as_json:
        context = {"before": origin.before, "quote": origin.quote, "after": origin.after}
        say_json({"fact": fact_json(fact), "context": context}, indent=True)
        return
    say(_line(fact, memory))
    stated = f"{fact.stated_at:%Y-%m-%d %H:%M} UTC" if fact.stated_at else "at an unknown time"
    say(on_one_line(f"said {stated} in “{fact.conversation_title}” (conversation {fact.conversation_id})"))
    if fact.account and fact.account.lineage:
        also = [each for each in fact.lineages if each != fact.account.lineage]
        more = f", and in {listed(also)}" if also else ""
        say(f"account {fact.account.lineage} ({fact.account.vendor}){more}")
    if fact.support > 1:
        say(f"and in {counted(fact.support - 1, 'more conversation')}")
    if fact.superseded_by:
        say(f"superseded by {str(fact.superseded_by)[:SHORT_ID]}")
    say("")
    say_marked(origin.before, origin.quote, origin.after)


def _line(fact: StoredFact, memory: Memory) -> str:
    """A fact on one line: when it was said, its kind, with what marks it, and the account it is from where
    there are several."""
    stated = f"{fact.stated_at:%Y-%m-%d}" if fact.stated_at else "undated   "
    history = " (history)" if fact.status is FactStatus.SUPERSEDED else ""
    sure = "" if is_likely(fact) else " (less certain)"
    theme = theme_of(fact, fact.matter)
    statement = on_one_line(fact.statement)
    account = f"  [{fact.account.lineage}]" if fact.account and len(memory.lineages) > 1 else ""
    return f"{str(fact.id)[:SHORT_ID]}  {stated}  {theme:<{THEME_CHARS}}  {statement}{history}{sure}{account}"


def _found(passage: FoundPassage) -> str:
    stated = f"{passage.created_at:%Y-%m-%d}" if passage.created_at else "undated   "
    kind = "passage" if passage.has_words else "near"
    return f"{kind:<8}  {stated}  {on_one_line(passage.title)}: …{on_one_line(passage.snippet)}…"
