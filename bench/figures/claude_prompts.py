"""What Claude is sent: calls a conversation, characters of prompts, and what 5,000 conversations cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bench.claude_stand_in import each_read, options_for, served, stand_in
from bench.exports import AVERAGE_BYTES, Export, export_of
from bench.figure import Figure, at_most
from bench.session import Session
from shared.domain.events import Usage
from shared.models.claude.model import ClaudeModel
from shared.models.writer.writer import DeterministicWriter
from tests.exports.schedule import Options
from tests.support.chunks import chunks_of

CONVERSATIONS = 2_000
SMALL_BYTES = 1_100
TOLD_FOR = 5_000
TOKEN_FACTOR = 1.3
"""Current models count about so many tokens for each that the stand-in counts (a fourth of the bytes)."""


def figures(session: Session) -> Iterator[Figure]:
    """Measured with no faults, on conversations of typical size and on small ones."""
    typical = export_of(Options(CONVERSATIONS, average_bytes=AVERAGE_BYTES))
    usage, characters = asyncio.run(_read(typical))
    kept = typical.truth.kept
    yield at_most("Claude: calls a conversation of 13.6 KB", usage.calls / kept, 0.4)
    yield at_most("Claude: prompt to visible characters", characters / typical.truth.visible_characters, 0.9)
    cost = (usage.cost or 0.0) * TOKEN_FACTOR * TOLD_FOR / kept
    tokens = ", ".join(
        f"{name} {count * TOKEN_FACTOR * TOLD_FOR / kept / 1e6:.2f} M"
        for name, count in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache read", usage.cache_read_tokens),
        )
    )
    yield Figure(f"Claude: extracting {TOLD_FOR:,} conversations", cost, "$", note=f"{tokens} tokens")
    small = export_of(Options(CONVERSATIONS, average_bytes=SMALL_BYTES))
    usage, _ = asyncio.run(_read(small))
    yield at_most("Claude: calls a conversation of 1 KB", usage.calls / small.truth.kept, 0.1)


async def _read(export: Export) -> tuple[Usage, int]:
    """What reading the export took, and the characters of all prompts."""
    chunks = await chunks_of(export.path)
    async with stand_in() as url:
        model = ClaudeModel(options_for(url, concurrency=8), DeterministicWriter())
        try:
            async for _ in each_read(model, chunks):
                pass
        finally:
            await model.close()
        return model.spent, int((await served(url))["prompt_characters"])
