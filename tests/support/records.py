"""Small builders of what the store takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from shared.domain.documents import documents_of
from shared.domain.events import (
    ChunkStatus,
    Coverage,
    FactCounts,
    FactsExtracted,
    MemoryReady,
    Sections,
    Usage,
)
from shared.domain.facts import Category, Fact
from shared.domain.sections import Soul, User
from shared.store.profiles import Commit
from shared.store.store import Store

SEED = UUID("00000000-0000-4000-8000-000000000000")
ANNA = uuid5(SEED, "anna")
BORIS = uuid5(SEED, "boris")
IMPORT = uuid5(SEED, "import")
MODEL = "offline"
PROMPTS = "v1"


class PassageOf(NamedTuple):
    """A passage with plain defaults."""

    conversation_id: str = "c1"
    passage_index: int = 0
    content: str = "User: I live in Porto."
    title: str = "Moving house"
    token_count: int = 100
    message_count: int = 2
    created_at: float | None = 1_700_000_000.0
    last: bool = True
    account: int = 0


def fact_of(name: str, **changes: Any) -> Fact:
    """A fact whose id follows from `name`."""
    fields: dict[str, Any] = {
        "id": uuid5(SEED, name),
        "category": Category.BELIEFS,
        "statement": f"The person said {name}.",
        "quote": f"I said {name}",
        "message_ids": (f"m-{name}",),
        "conversation_id": "c1",
        "stated_at": datetime(2024, 5, 1, tzinfo=UTC),
    }
    return Fact(**(fields | changes))


def result_of(index: int, facts: Sequence[Fact] = (), **changes: Any) -> FactsExtracted:
    """The result of chunk `index` of ANNA's IMPORT, run 1."""
    run = changes.get("run", 1)
    fields: dict[str, Any] = {
        "import_id": IMPORT,
        "user_id": ANNA,
        "run": run,
        "chunk_id": uuid5(SEED, f"chunk {run} {index}"),
        "index": index,
        "content_hash": f"hash-{index}",
        "status": ChunkStatus.OK,
        "facts": tuple(facts),
        "usage": Usage(calls=1, input_tokens=100, output_tokens=10, cost=0.25),
    }
    return FactsExtracted(**(fields | changes))


def with_matter(result: FactsExtracted, matter: str = "t") -> tuple[FactsExtracted, list[str]]:
    """A result whose facts all have one matter."""
    return result, [matter] * len(result.facts)


def memory_of(run: int = 1, **changes: Any) -> MemoryReady:
    """A memory of ANNA's IMPORT."""
    fields: dict[str, Any] = {
        "import_id": IMPORT,
        "user_id": ANNA,
        "run": run,
        "pipeline": "v2",
        "memory_md": f"# Memory {run}",
        "sections": Sections(soul=Soul(communication_style=f"soul {run}"), user=User(name=f"user {run}")),
        "coverage": Coverage(ok=1, dead=0, total=1),
        "facts": FactCounts(extracted=1, kept=1),
        "usage": Usage(calls=1, cost=0.5),
    }
    return MemoryReady(**(fields | changes))


async def commit(store: Store, memory: MemoryReady, **how: Any) -> Commit:
    """Commit a memory as the writer does: its sections in every form."""
    return await store.commit_memory(memory, **{"documents": documents_of(memory.sections)} | how)


def section_shown(name: str, run: int = 1) -> str | None:
    """A section of `memory_of(run)` as Markdown."""
    return documents_of(memory_of(run).sections)["markdown"][name]
