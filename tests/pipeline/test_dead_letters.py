"""Dead letters of a log in memory: known while their process lives, and afterwards as gone."""

from __future__ import annotations

from shared.pipelines import CHUNKS_READY
from shared.store.dead_letters import LetterFilter, LetterRow
from shared.store.store import Store
from tests.support.chunks import chunk_of, said
from tests.support.local import LocalSetting
from tests.support.services import hosted
from tests.support.waiting import until


async def test_letters_are_known_and_after_a_restart_they_are_gone(
    setting: LocalSetting, store: Store
) -> None:
    setting.changes["dead_letter_seconds"] = 0.1
    chunk = chunk_of(said("m1", "I live in Porto."))
    found: list[LetterRow] = []

    async def known(count: int) -> bool:
        found[:] = await store.find_dead_letters(LetterFilter())
        return len(found) == count

    async with hosted(setting, ("extractor", "consolidator")) as host:
        await setting.publish(setting.topic(CHUNKS_READY), chunk)
        await until(lambda: known(1))
        assert (found[0].reason, found[0].import_id, found[0].gone) == (
            "no_such_run",
            chunk.import_id,
            False,
        )

        def is_shown() -> bool:
            labels = {"topic": "chunks.ready.v2", "reason": "no_such_run"}
            return host.registry.get_sample_value("soulprint_dead_letters_open", labels) == 1.0

        await until(is_shown)
        assert (await store.list_dead_letters(LetterFilter())).led
    first = found[0].id
    setting.lose_log()
    async with hosted(setting, ("extractor", "consolidator")):

        async def is_gone() -> bool:
            return await known(1) and found[0].gone

        await until(is_gone)
        await setting.publish(setting.topic(CHUNKS_READY), chunk)
        await until(lambda: known(2))
    assert {row.id: row.gone for row in found}[first]
    assert sorted(row.gone for row in found) == [False, True]
