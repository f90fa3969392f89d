"""What is served: profiles and what stands behind them. Rules: supabase/migrations/0005_profiles.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter

from shared.domain.events import MemoryReady
from shared.domain.facts import FactStatus
from shared.domain.runs import RunKey
from shared.store.records import Commit, FactKey, FoundPassage, Profile, StoredFact, StoredPassage
from shared.store.transport import Transport

_FACTS = TypeAdapter(list[StoredFact])
_PASSAGES = TypeAdapter(list[StoredPassage])
_FOUND = TypeAdapter(list[FoundPassage])


class Profiles:
    """Methods of Store on profiles, and reads for people."""

    _transport: Transport

    async def commit_memory(
        self,
        memory: MemoryReady,
        *,
        status: Literal["complete", "failed"] = "complete",
        error: Mapping[str, str] | None = None,
        soulprint_text: str | None = None,
    ) -> Commit:
        """Commit a run's memory in one durable transaction; what it replaces goes to profile_versions.

        With status failed (the caller judges MIN_COVERAGE) the profile keeps what it serves; `error` is
        {step, message}. A run older than the one served never overwrites it. `soulprint_text` is by
        default the sections, joined.
        """
        answer = await self._transport.call(
            "commit_memory",
            {
                **memory.model_dump(mode="json"),
                "status": status,
                "error": error,
                "soulprint_text": soulprint_text,
            },
        )
        return Commit(**answer)

    async def update_user_profile(self, user_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a profile, which is made if missing; None clears a text. Columns that the app may
        not set (user_id, import_id, ...) and unknown ones are refused: StoreError (SP003)."""
        await self._transport.call("update_user_profile", {"user_id": user_id, "fields": fields})

    async def read_profile(self, user_id: UUID) -> Profile | None:
        """A user's profile; None if there is none."""
        answer = await self._transport.call("read_profile", {"user_id": user_id})
        return None if answer is None else Profile.model_validate(answer)

    async def list_facts(
        self,
        user_id: UUID,
        after: FactKey | None = None,
        limit: int = 1000,
        *,
        of_run: RunKey | None = None,
        status: Sequence[FactStatus] = (),
        search: str = "",
    ) -> list[StoredFact]:
        """A page of facts with titles and merged ids, of the run the profile serves or of `of_run`.

        Order and paging as read_facts. `status` empty: all. `search`: every word must occur in the
        statement or the quote, whatever its case.
        """
        answer = await self._transport.call(
            "list_facts",
            {
                "user_id": user_id,
                "import_id": of_run and of_run.import_id,
                "run": of_run and of_run.run,
                "after": after and tuple(after),
                "limit": limit,
                "status": list(status),
                "search": search,
            },
        )
        return _FACTS.validate_python(answer)

    async def find_fact(self, user_id: UUID, id_prefix: str) -> list[StoredFact]:
        """Facts of the served run whose id begins with `id_prefix`, at most ten, in id order."""
        answer = await self._transport.call("find_fact", {"user_id": user_id, "prefix": id_prefix})
        return _FACTS.validate_python(answer)

    async def read_passages(self, user_id: UUID, conversation_id: str) -> list[StoredPassage]:
        """All passages of one conversation, in order."""
        answer = await self._transport.call(
            "read_passages", {"user_id": user_id, "conversation_id": conversation_id}
        )
        return _PASSAGES.validate_python(answer)

    async def search_passages(self, user_id: UUID, text: str, limit: int = 20) -> list[FoundPassage]:
        """Passages that hold every word of `text` in title or content, newest first."""
        answer = await self._transport.call(
            "search_passages", {"user_id": user_id, "search": text, "limit": limit}
        )
        return _FOUND.validate_python(answer)
