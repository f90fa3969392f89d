"""Letters on a dead-letter topic of Kafka, and in the index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from shared.domain.events import ChunkReady, Event
from shared.host.service import Kit, Service
from shared.host.services import opener_of
from shared.log.deadletter import HEADERS
from shared.log.kafka.cloudevents import encode
from shared.resilience.faults import PoisonError
from shared.store.dead_letters import LetterFilter, LetterRow
from shared.store.store import Store
from tests.support.services import Setting
from tests.support.waiting import until

BROKEN: set[str] = set()
"""While it holds something, `picky` fails."""


def wired(of: Event) -> tuple[bytes, list[tuple[str, bytes]]]:
    return encode(of, source="test", pipeline="v2")


async def bury(
    setting: Setting, name: str, value: bytes | None, headers: list[tuple[str, bytes]], **said: str
) -> UUID:
    """Put a letter on a dead-letter topic, as a service does."""
    dlq = {
        "id": str(uuid4()),
        "reason": "timeout",
        "error_class": "TimeoutError",
        "error": "",
        "attempts": "5",
        "stage": "extractor",
        "topic": setting.topic(name),
        "partition": "0",
        "offset": "7",
    } | said
    provenance = [(f"dlq_{key}", text.encode()) for key, text in dlq.items()]
    assert {key for key, _ in provenance} <= HEADERS.keys()
    await setting.send_all(setting.topic(name, dead=True), [(b"k", value, [*provenance, *headers])])
    return UUID(dlq["id"])


async def known(store: Store, count: int, **asked: Any) -> list[LetterRow]:
    """The letters, once so many are known."""
    found: list[LetterRow] = []

    async def are_known() -> bool:
        found[:] = await store.find_dead_letters(LetterFilter(**asked))
        return len(found) >= count

    are_known.__doc__ = f"{count} letters are known"
    await until(are_known)
    return found


@asynccontextmanager
async def picky(kit: Kit) -> AsyncIterator[Service]:
    """An extractor that sets the first chunk of a run aside for as long as BROKEN says so."""
    async with opener_of("extractor")(kit) as service:
        stage = service.stage
        assert stage is not None

        async def handle(batch: Sequence[ChunkReady]) -> None:
            if BROKEN and batch[0].index == 0:
                raise PoisonError("odd", "this chunk is odd")
            await stage.handle(batch)

        yield replace(service, stage=replace(stage, handle=handle))
