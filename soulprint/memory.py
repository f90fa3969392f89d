"""A stored memory, opened for reading: what `soulprint show` prints and programs import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from shared.domain.documents import section_text
from shared.domain.errors import NotFoundError, UsageError
from shared.domain.ids import user_id_for
from shared.domain.sections import KINDS
from shared.settings import Settings, load_settings
from shared.store.chunks import FoundPassage
from shared.store.facts import StoredFact
from shared.store.open import opened_store
from shared.store.profiles import Profile
from shared.store.store import Store
from soulprint.context import in_context
from soulprint.facts import LISTED, PAGE, listed_facts
from soulprint.meaning import search
from soulprint.naming import typed_name


@dataclass(frozen=True, slots=True)
class Sections:
    """The documents of a memory, as Markdown. Empty where nothing in the export supports one."""

    memory: str
    """What is known, ordered and dated, each line with a reference to its fact."""
    soul: str
    """Voice, tone and values."""
    identity: str
    """Who the assistant is for them."""
    user: str
    """Who they are."""
    agents: str
    """How to work with them."""
    tools: str
    """What they use."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: at most 1,000 facts, and 20 passages, the newest or the best first."""

    facts: tuple[StoredFact, ...]
    passages: tuple[FoundPassage, ...]
    by_words_alone: str = ""
    """Why passages were not searched by meaning, though a server for embeddings is set; else empty."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact comes from: its quote, with the words around it in the conversation."""

    fact: StoredFact
    before: str
    quote: str
    after: str


class Memory:
    """One person's memory. `open_memory` makes it, and it can be asked until that block ends."""

    def __init__(
        self,
        store: Store,
        user_id: UUID,
        sections: Sections,
        settings: Settings,
        lineages: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._settings = settings
        self.user_id = user_id
        self.lineages = lineages
        """The accounts of the person that it is made of."""
        self.sections = sections
        """As they were when the memory was opened."""

    def facts(self) -> AsyncIterator[StoredFact]:
        """Every fact, current and superseded; a page of them in memory at a time."""
        return listed_facts(self._store, self.user_id)

    async def search(self, text: str) -> Found:
        """Facts (by statement and quote) and passages that hold every word of `text`, whatever its case; and
        passages near to it in meaning, where there are embeddings."""
        facts = await self._store.list_facts(self.user_id, None, PAGE, status=LISTED, search=text)
        passages, why = await search(self._store, self._settings, self.user_id, text)
        return Found(tuple(facts), tuple(passages), why)

    async def why(self, fact: StoredFact | UUID | str) -> Origin:
        """Where a fact comes from. It is named by itself, its id, or the beginning of that, also in MEMORY's
        form `[f:98c25fb5]`. Raises NotFoundError, or UsageError where several ids begin so.
        """
        start = str(fact.id if isinstance(fact, StoredFact) else fact)
        found = await self._store.find_fact(self.user_id, start.strip().strip("[]").removeprefix("f:"))
        if not found:
            raise NotFoundError(
                f"no fact's id begins with {start[:40]!r}; `soulprint show --facts` lists them"
            )
        if len(found) > 1:
            raise UsageError(f"{len(found)} facts' ids begin so: give more of the id")
        (known,) = found
        passages = await self._store.read_passages(self.user_id, known.conversation_id)
        return Origin(known, *in_context(known.quote, [passage.content for passage in passages]))


@asynccontextmanager
async def open_memory(user: str | UUID = "me", **settings: object) -> AsyncIterator[Memory]:
    """The memory of `user`, whose database is open (or, embedded, runs) as long as the block.

    `settings` go over those of the environment. Raises NotFoundError where the user has no memory yet,
    StoreError where the database cannot be reached.
    """
    user_id = user_id_for(str(user))
    given = load_settings(**settings)
    async with opened_store(given) as store:
        profile = await store.read_profile(user_id)
        if profile is None or profile.import_id is None:
            who = typed_name(str(user)) or user_id
            raise NotFoundError(f"user {who} has no memory yet: run `soulprint run EXPORT` first")
        yield Memory(store, user_id, _sections_of(profile), given, profile.lineages)


def _sections_of(profile: Profile) -> Sections:
    return Sections(memory=profile.memory_md or "", **{name: _section_of(profile, name) for name in KINDS})


def _section_of(profile: Profile, name: str) -> str:
    """A section as it is served, with its references where nobody has written over it."""
    served = getattr(profile, f"{name}_md")
    if served == profile.documents.get("app", {}).get(name):
        return profile.documents.get("markdown", {}).get(name, "")
    return section_text(name, served)
