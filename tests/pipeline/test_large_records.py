"""Events over the size limit of a log: a dead chunk tells of them, and its import ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Opener, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, MAX_EVENT_BYTES
from shared.store.store import Store
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until


async def test_a_chunk_too_large_for_the_log_is_dead_and_its_import_ends(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    """Six bytes of JSON for each of its characters: within CHUNK_TOKENS, over the limit of a record."""
    unspeakable = "\x01" * (MAX_EVENT_BYTES // 5)
    export = exports / "unspeakable.json"
    export.write_bytes(json_of([chain("I live in Porto."), chain(unspeakable, conversation_id="c2")]))
    setting.changes |= {"chunk_tokens": 60_000, "min_coverage": 0.5}
    async with hosted(setting):
        run = await ended(store, await setting.import_of(export))
    assert run.chunks_dead == 1, run
    results = setting.events(FACTS_EXTRACTED)
    assert sum("the limit is 1000000" in (result.error or "") for result in results) == 1


class Verbose(OfflineModel):
    """Has more to say of the first chunk than a record holds."""

    unread = ("x" * 200,) * (MAX_EVENT_BYTES // 200)

    async def extract(self, chunk: ChunkReady) -> Extraction:
        found = await super().extract(chunk)
        return found if chunk.index else Extraction(found.candidates, unread=self.unread)


class Boundless(Verbose):
    """Names what no event can hold."""

    unread = ("x" * 300,)


@asynccontextmanager
async def verbose(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Verbose())


@asynccontextmanager
async def boundless(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Boundless())


@pytest.mark.parametrize(("opener", "reason"), [(verbose, "too_large"), (boundless, "out_of_bounds")])
async def test_a_result_too_large_for_the_log_makes_its_chunk_dead_at_once(
    setting: LocalSetting, store: Store, exports: Path, opener: Opener, reason: str
) -> None:
    setting.changes["min_coverage"] = 0.0
    async with hosted(setting, extractor=opener):
        run = await ended(store, await setting.import_of(exports / "small.zip"))
        assert (run.state, run.chunks_dead) == ("complete", 1), run
        await until(lambda: setting.reasons(CHUNKS_READY) == [reason])
    (letter,) = setting.log.letters(setting.topic(CHUNKS_READY))
    assert letter.attempts == 1
