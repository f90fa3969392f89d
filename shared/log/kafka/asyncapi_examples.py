"""One event of each kind, as the AsyncAPI document shows it: of a person who does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from shared.domain import ids
from shared.domain.events import (
    ChunkReady,
    ChunkStatus,
    ConversationHeader,
    Coverage,
    Event,
    FactCounts,
    FactsExtracted,
    ImportReceived,
    MemoryReady,
    Message,
    Sections,
    Usage,
)
from shared.domain.facts import Category, Fact
from shared.domain.markdown import short_id
from shared.domain.sections import Line, User

PIPELINE: Final = "v2"
REQUESTED_AT: Final = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
_USER: Final = UUID("3f2b6c1e-8f1d-4b52-9a53-0d7e4c9a1b20")
_SOURCE: Final = f"imports/{_USER}/export.zip"
_IMPORT: Final = ids.import_id(_USER, f"source\0{_SOURCE}")
_SAID: Final = datetime(2024, 3, 9, 17, 5, tzinfo=UTC)
_SENTENCE: Final = "I cycle to work every day since March 2024."
_RECEIVED: Final = ImportReceived(
    import_id=_IMPORT,
    user_id=_USER,
    run=1,
    source=_SOURCE,
    requested_at=REQUESTED_AT,
)
_CHUNK: Final = ChunkReady(
    import_id=_IMPORT,
    user_id=_USER,
    run=1,
    chunk_id=ids.stage_id(_IMPORT, PIPELINE, 1, "chunk", 0),
    index=0,
    total=1,
    content_hash="5d41402abc4b2a76b9719d911017c592",
    token_count=12,
    conversations=(ConversationHeader("c1", "Commuting", _SAID),),
    messages=(Message("m1", "c1", "user", _SENTENCE, _SAID),),
)
_FACT: Final = Fact(
    id=ids.fact_id(_USER, "m1", Category.DATES, _SENTENCE),
    category=Category.DATES,
    statement=_SENTENCE,
    quote=_SENTENCE,
    message_ids=("m1",),
    conversation_id="c1",
    stated_at=_SAID,
    valid_from=date(2024, 3, 1),
)
_USAGE: Final = Usage(calls=1, input_tokens=310, output_tokens=64, cost=0.0012)
_MEMORY: Final = MemoryReady(
    import_id=_IMPORT,
    user_id=_USER,
    run=1,
    pipeline=PIPELINE,
    memory_md=f"# MEMORY\n\n- {_SENTENCE}\n",
    sections=Sections(user=User.of({"interests": [Line(_SENTENCE, (short_id(_FACT.id),))]})),
    coverage=Coverage(ok=1, dead=0, total=1),
    facts=FactCounts(extracted=1, kept=1),
    usage=_USAGE,
)
EXAMPLES: Final[Mapping[type[Event], Event]] = MappingProxyType(
    {
        ImportReceived: _RECEIVED,
        ChunkReady: _CHUNK,
        FactsExtracted: FactsExtracted.of(_CHUNK, ChunkStatus.OK, facts=(_FACT,), usage=_USAGE),
        MemoryReady: _MEMORY,
    }
)
