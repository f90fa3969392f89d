"""Passages, results of chunks, facts. The rules are in supabase/migrations/0004_chunks.sql."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from shared.domain.events import FactsExtracted
from shared.domain.runs import RunKey
from shared.store.records import (
    CachedExtraction,
    DeadChunk,
    FactKey,
    FactUpdate,
    PassageRow,
    Recorded,
    Refused,
    Saved,
    StoredFact,
)
from shared.store.transport import Transport

_CACHED = TypeAdapter(dict[str, CachedExtraction])
_FACTS = TypeAdapter(list[StoredFact])


class Chunks:
    """Methods of Store on passages, chunk results and facts."""

    _transport: Transport

    async def save_chunks_batch(
        self, user_id: UUID, passages: Sequence[PassageRow], *, now: datetime | None = None
    ) -> Saved:
        """Store passages; unchanged rows are not rewritten, rows beyond a `last` passage are deleted.

        is_recent is as of `now`, by default the moment of the save. Batches of 1 to 2 MB are best.
        """
        if not passages:
            return Saved(0, 0)
        answer = await self._transport.call(
            "save_chunks_batch",
            {
                "user_id": user_id,
                "now": now,
                "passages": [
                    {
                        "conversation_id": p.conversation_id,
                        "passage_index": p.passage_index,
                        "title": p.title,
                        "content": p.content,
                        "token_count": p.token_count,
                        "message_count": p.message_count,
                        "created_at": p.created_at,
                        "last": p.last,
                    }
                    for p in passages
                ],
            },
        )
        return Saved(**answer)

    async def cached_hashes(
        self, user_id: UUID, model: str, prompt_version: str, hashes: Sequence[str]
    ) -> set[str]:
        """Which of these contents the cache holds."""
        return set(
            await self._transport.call(
                "cached_hashes",
                {"user_id": user_id, "model": model, "prompt_version": prompt_version, "hashes": hashes},
            )
        )

    async def record_chunks(
        self, results: Sequence[tuple[FactsExtracted, Sequence[str]]], *, model: str, prompt_version: str
    ) -> Recorded:
        """Record results of chunks of any runs, each with one matter a fact, in one transaction.

        A chunk recorded twice changes nothing (`repeated`), except that an ok result mends a dead one
        until the run is claimed. Ok results that are not from the cache go into it.
        """
        if not results:
            return Recorded(0, (), ())
        answer = await self._transport.call(
            "record_chunks",
            {
                "model": model,
                "prompt_version": prompt_version,
                "results": [
                    {
                        "event": orjson.Fragment(event.__pydantic_serializer__.to_json(event)),
                        "matters": matters,
                    }
                    for event, matters in results
                ],
            },
        )
        return Recorded(
            answer["recorded"],
            tuple(
                Refused(UUID(item["import_id"]), item["run"], item["index"], item["reason"])
                for item in answer["ignored"]
            ),
            tuple(RunKey(UUID(item["import_id"]), item["run"]) for item in answer["complete"]),
        )

    async def read_dead_chunks(self, import_id: UUID, run: int, limit: int = 1000) -> list[DeadChunk]:
        """Chunks that no model could read, the first `limit` of them, and why."""
        answer = await self._transport.call(
            "read_dead_chunks", {"import_id": import_id, "run": run, "limit": limit}
        )
        return [DeadChunk(item["index"], item["reason"]) for item in answer]

    async def read_facts(
        self, import_id: UUID, run: int, after: FactKey | None = None, limit: int = 1000
    ) -> list[StoredFact]:
        """A page of a run's facts in the order matter, stated_at (unknown first), id, after a key
        (`StoredFact.key` of the last one before). A page shorter than `limit` is the last."""
        answer = await self._transport.call(
            "read_facts",
            {"import_id": import_id, "run": run, "after": after and tuple(after), "limit": limit},
        )
        return _FACTS.validate_python(answer)

    async def settle_facts(self, import_id: UUID, run: int, updates: Sequence[FactUpdate]) -> int:
        """Write what merging made of facts; answers how many changed. Repeated, it changes none."""
        if not updates:
            return 0
        return int(
            await self._transport.call(
                "settle_facts", {"import_id": import_id, "run": run, "updates": list(updates)}
            )
        )
