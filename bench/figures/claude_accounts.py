"""With every fault at once: nothing that was offered is lost unsaid, and the accounts are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bench.claude_stand_in import each_read, options_for, served, stand_in
from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, exactly
from bench.session import Session
from services.extractor.grounding import ground
from shared.domain.errors import ModelError
from shared.models.base import Extraction, PartlyReadError
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import RETRY
from shared.models.writer.writer import DeterministicWriter
from shared.resilience.backoff import Backoff
from tests.exports.plants import markers_in
from tests.exports.schedule import Options
from tests.support.chunks import chunks_of

CONVERSATIONS = 1_000
CHANCE = 0.05
FAULTS = (
    "rate_limit", "overloaded", "server_error", "drop", "hang", "truncated_json", "broken_schema", "refusal",
    "max_tokens", "thinking", "unknown_ids", "ungrounded", "obedient",
)  # fmt: skip
TOKENS = {
    "calls": "calls",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}


@dataclass(slots=True)
class _Read:
    """What became of the export."""

    chunks: int = 0
    dead: int = 0
    unsaid: int = 0
    """Dead chunks without a reason."""
    lost: int = 0
    """Markers that were offered for chunks that are not dead and did not become facts."""
    made_up: int = 0
    wrong_counts: list[str] = field(default_factory=list)


def figures(session: Session) -> Iterator[Figure]:
    """Five percent of each fault, all at once."""
    read = asyncio.run(_read())
    yield Figure("Claude with 5 % of each fault: chunks", read.chunks, "")
    yield Figure("Claude with 5 % of each fault: dead, with the reason", read.dead - read.unsaid, "")
    yield exactly("Claude with 5 % of each fault: dead without a reason", read.unsaid, 0)
    yield exactly("Claude with 5 % of each fault: offered facts lost", read.lost, 0)
    yield exactly("Claude with 5 % of each fault: made-up facts kept", read.made_up, 0)
    yield exactly(
        "Claude with 5 % of each fault: wrong accounts", len(read.wrong_counts), 0,
        note="; ".join(read.wrong_counts),
    )  # fmt: skip


async def _read() -> _Read:
    chunks = await chunks_of(export_of(Options(CONVERSATIONS, average_bytes=AVERAGE_BYTES)).path)
    read = _Read(chunks=len(chunks))
    chances = [f"--fault={fault}={CHANCE}" for fault in FAULTS]
    async with stand_in(*chances, "--retry-after", "0.05") as url:
        hasty = options_for(
            url,
            concurrency=8,
            timeout=2.0,
            retry=replace(RETRY, backoff=Backoff(0.05, 0.5)),
            trials=Backoff(0.05, 0.5, jitter=0.0),
        )
        model = ClaudeModel(hasty, DeterministicWriter())
        found: set[str] = set()
        dead: set[str] = set()
        try:
            async for chunk, answer in each_read(model, chunks):
                if isinstance(answer, Exception):
                    read.dead += 1
                    read.unsaid += not (isinstance(answer, ModelError) and str(answer))
                    dead |= {m for message in chunk.messages for m in markers_in(message.text)}
                    answer = answer.extraction if isinstance(answer, PartlyReadError) else Extraction(())
                assert isinstance(answer, Extraction)
                for fact in ground(chunk, answer.candidates).facts:
                    found |= markers_in(fact.statement)
        finally:
            await model.close()
        told = await served(url)
    offered = {marker.lower() for marker in told["offered"]}
    read.lost = len(offered - found - dead)
    read.made_up = sum("ghostly" in marker for marker in found)
    spent = model.spent.model_dump()
    read.wrong_counts = [
        f"{name}: {spent[name]}, not {told[theirs]}"
        for name, theirs in TOKENS.items()
        if spent[name] != told[theirs]
    ]
    return read
