"""What the figures of Claude are measured with: the stand-in as a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2

from bench.product import ROOT
from shared.domain.events import ChunkReady, ConversationHeader, Message
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import ClaudeOptions

KEY = "test-key"


@asynccontextmanager
async def stand_in(*arguments: str) -> AsyncIterator[str]:
    """Runs `scripts/soulprint-fake-claude`; gives its address."""
    program = await asyncio.create_subprocess_exec(
        ROOT / "scripts" / "soulprint-fake-claude",
        *arguments,
        env={**os.environ, "PYTHON": sys.executable},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        yield (await program.stdout.readline()).decode().strip()
    finally:
        program.terminate()
        await program.wait()


async def served(url: str) -> dict[str, Any]:
    """What the stand-in says that it served."""
    async with httpx2.AsyncClient(timeout=60) as http:
        told: dict[str, Any] = (await http.get(f"{url}/served")).json()
    return told


async def steer(url: str, **orders: Any) -> None:
    """Have the stand-in be otherwise from now on: `latency`, `chances`, `script`."""
    async with httpx2.AsyncClient(timeout=60) as http:
        (await http.post(f"{url}/steer", json=orders)).raise_for_status()


def options_for(url: str, **changes: Any) -> ClaudeOptions:
    """Settings as a user has them, but for the address."""
    return ClaudeOptions(api_key=KEY, base_url=url, **changes)


def small_chunk(index: int) -> ChunkReady:
    """A chunk of one planted sentence, where only the call is to be measured."""
    text = f"My dog is called Zorvik-{1000 + index}."
    return ChunkReady(
        import_id=UUID(int=1),
        user_id=UUID(int=2),
        run=1,
        chunk_id=UUID(int=index + 1),
        index=index,
        content_hash=f"{index:032x}",
        token_count=10,
        conversations=(ConversationHeader(id="c1"),),
        messages=(Message(id=f"m{index}", conversation_id="c1", role="user", text=text),),
    )


async def each_read(model: ClaudeModel, chunks: list[ChunkReady]) -> AsyncIterator[tuple[ChunkReady, object]]:
    """Every chunk with its extraction or its error, `model.ceiling` of them in flight."""
    results: asyncio.Queue[tuple[ChunkReady, object]] = asyncio.Queue()
    waiting = iter(chunks)

    async def work() -> None:
        for chunk in waiting:
            try:
                results.put_nowait((chunk, await model.extract(chunk)))
            except Exception as error:
                results.put_nowait((chunk, error))

    workers = [asyncio.create_task(work()) for _ in range(model.ceiling)]
    for _ in chunks:
        yield await results.get()
    await asyncio.gather(*workers)
