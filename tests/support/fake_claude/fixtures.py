"""The stand-in and a model that talks to it, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from shared.domain.events import ChunkReady, FactsExtracted, Usage
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import RETRY, ClaudeOptions
from shared.models.writer.writer import DeterministicWriter
from shared.resilience.backoff import Backoff
from tests.exports.plants import FACTS, markers_in
from tests.support.chunks import chunk_of, said
from tests.support.fake_claude.server import FakeClaude

HASTY = ClaudeOptions(
    api_key="test-key",
    timeout=3.0,
    batch_poll=0.01,
    retry=replace(RETRY, backoff=Backoff(0.01, 0.05)),
    retry_after_cap=0.1,
    trials=Backoff(0.02, 0.05, jitter=0.0),
    patience=10.0,
)
"""Settings whose waits are short. An answer takes milliseconds; what is given up was billed all the same, so
the timeout is far beyond what a busy machine makes of them."""
SENT = ("max_tokens", "messages", "model", "output_config", "system", "thinking")
"""All that a call holds."""


@asynccontextmanager
async def fake_claude(**more: Any) -> AsyncIterator[FakeClaude]:
    """A stand-in that listens."""
    fake = FakeClaude(**more)
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


@asynccontextmanager
async def model_at(fake: FakeClaude, **changes: Any) -> AsyncIterator[ClaudeModel]:
    """A model that uses the stand-in, hasty unless told otherwise."""
    model = ClaudeModel(replace(HASTY, base_url=fake.url, **changes), DeterministicWriter())
    try:
        yield model
    finally:
        await model.close()


def planted_chunk(index: int, facts: int = 3) -> ChunkReady:
    """A chunk of `facts` messages of the person, each with one planted fact, and an answer to each."""
    messages = []
    for place in range(facts):
        marker = f"Zorvik-{1000 + index * 100 + place}"
        fact = FACTS[(index + place) % len(FACTS)].format(n=marker)
        messages.append(said(f"p{index}-{place}", f"What do you think? {fact} So be it."))
        messages.append(said(f"a{index}-{place}", "A good thought.", role="assistant"))
    return chunk_of(*messages, index=index, content_hash=f"{index:032x}")


def markers_of(index: int, facts: int = 3) -> set[str]:
    """The markers planted in `planted_chunk(index, facts)`."""
    return {f"Zorvik-{1000 + index * 100 + place}" for place in range(facts)}


def found(result: FactsExtracted) -> set[str]:
    """Markers in the statements of a result, as they were planted."""
    return {marker.capitalize() for fact in result.facts for marker in markers_in(fact.statement)}


def served_usage(fake: FakeClaude) -> tuple[int, ...]:
    """What the stand-in says it served: calls, then tokens in, out, read from and written to the cache."""
    tokens = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return tuple(fake.told()[name] for name in ("calls", *tokens))


def spent_usage(usage: Usage) -> tuple[int, ...]:
    """The same five numbers of a usage."""
    return (
        usage.calls,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    )
