"""Dead letters in the database: recorded once, listed, taken, settled; runs opened again for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.domain.errors import StoreError
from shared.domain.events import ChunkStatus, Coverage, FactCounts, Usage
from shared.store.chunks import Chunking
from shared.store.dead_letters import LetterFilter, Requeue
from shared.store.runs import RunReport
from shared.store.store import Store
from tests.support.letters import BURIED, CHUNKS, letter_of, record_letters
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    commit,
    fact_of,
    memory_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

ALL = LetterFilter()
OWNER = "test"
COVERED = Coverage(ok=19, dead=1, total=20)


async def record(store: Store, *results: Any) -> None:
    await store.record_chunks([with_matter(each) for each in results], model=MODEL, prompt_version=PROMPTS)


async def report(store: Store, run: int = 1) -> RunReport:
    found = await store.read_run(IMPORT, run)
    assert found is not None
    return found


async def ended_run(store: Store) -> None:
    """A complete run on the log of 20 chunks, of which the last is dead."""
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", on_log=True)
    await record(
        store,
        *(result_of(n, [fact_of(f"f{n}")]) for n in range(19)),
        result_of(19, status=ChunkStatus.DEAD, error="why", usage=Usage(calls=3, cost=1.0)),
    )
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=20))).complete
    claim = await store.claim_run(IMPORT, 1, OWNER, 60)
    made = memory_of(
        coverage=COVERED,
        facts=FactCounts(extracted=19, kept=19),
        usage=Usage(calls=25, cost=7.75),  # 19 chunks at 0.25, the dead one's 1, and 2 for the memory
        edition=claim.edition,
    )
    assert await store.keep_memory(IMPORT, 1, made)
    assert await store.mark_published(IMPORT, 1, edition=claim.edition)
    assert (await commit(store, made, status="complete")).written


def requeue(letter: Any, **changes: Any) -> Requeue:
    fields: dict[str, Any] = {"id": letter.id, "import_id": IMPORT, "user_id": ANNA, "run": 1, "index": 19}
    return Requeue(**(fields | changes))


async def dead_chunk(store: Store, topic: str = CHUNKS) -> Any:
    """The recorded letter of the dead chunk."""
    letter = letter_of(0, import_id=IMPORT, user_id=ANNA, run=1, reason="timeout")
    await record_letters(store, [letter], topic)
    return letter


async def test_letters_are_recorded_once_in_their_order_and_filtered(store: Store) -> None:
    first = [letter_of(n, user_id=ANNA if n % 2 else BORIS) for n in range(4)]
    assert await record_letters(store, first) == 4
    assert await record_letters(store, [first[0], letter_of(9, reason=None)], begin_offset=1) == 1
    found = await store.find_dead_letters(ALL)
    assert [each.letter_offset for each in found] == [0, 1, 2, 3, 9]
    assert [each.gone for each in found] == [True, False, False, False, False]
    page = await store.find_dead_letters(ALL, after=found[1].key, limit=2)
    assert page == found[2:4]
    for asked, offsets in (
        (LetterFilter(user_id=ANNA), [1, 3]),
        (LetterFilter(ids=[first[2].id]), [2]),
        (LetterFilter(reason="bad_json", state="open"), [0, 1, 2, 3]),
        (LetterFilter(topic="memory.ready.v2"), []),
        (LetterFilter(import_id=IMPORT), []),
        (LetterFilter(since=BURIED + timedelta(seconds=1)), []),
        (LetterFilter(ids=[]), []),
    ):
        assert [e.letter_offset for e in await store.find_dead_letters(asked)] == offsets, asked
    within = await store.find_dead_letters(ALL, ends={CHUNKS: {"0": 3}})
    assert [each.letter_offset for each in within] == [0, 1, 2]
    assert await store.find_dead_letters(ALL, ends={"memory.ready.v2": {"0": 3}}) == []
    listed = await store.list_dead_letters(ALL)
    assert [(g.reason, g.open, g.gone) for g in listed.groups] == [("bad_json", 4, 1), (None, 1, 0)]
    assert not listed.led
    assert [(o.reason, o.open) for o in await store.count_open_letters(10)] == [("bad_json", 4), ("", 1)]


async def test_whoever_read_a_partition_otherwise_meanwhile_is_told(store: Store) -> None:
    assert await record_letters(store, [letter_of(0)]) == 1
    assert await record_letters(store, [letter_of(1)], from_offset=0) is None
    assert await record_letters(store, [letter_of(1)], generation=1) is None
    assert len(await store.find_dead_letters(ALL)) == 1


async def test_letters_of_a_topic_made_anew_are_others(store: Store) -> None:
    old, kept = letter_of(0), letter_of(1)
    await record_letters(store, [old, kept])
    again = letter_of(0, id=kept.id)
    assert await record_letters(store, [again], next_offset=1, anew=True) == 0
    found = {each.id: each for each in await store.find_dead_letters(ALL)}
    assert (found[old.id].gone, found[kept.id].gone, found[kept.id].letter_offset) == (True, False, 0)
    (position,) = await store.read_dead_letter_positions()
    assert (position.generation, position.next_offset) == (1, 1)


async def test_a_burial_is_counted_by_its_event(store: Store) -> None:
    event = uuid4()
    await record_letters(store, [letter_of(0, ce_id=event), letter_of(1, ce_id=event), letter_of(2)])
    await record_letters(store, [letter_of(3, ce_id=event), letter_of(4, ce_id=None)])
    assert [each.burial for each in await store.find_dead_letters(ALL)] == [1, 2, 1, 3, 1]
    (group,) = (await store.list_dead_letters(ALL)).groups
    assert group.again == 2


async def test_what_was_done_is_noted_once_and_in_the_audit(store: Store) -> None:
    letters = [letter_of(0), letter_of(1)]
    await record_letters(store, letters)
    ids = [each.id for each in letters]
    assert await store.settle_dead_letters(ids[:1], "dropped", by="anna", reason="noise") == ids[:1]
    assert await store.settle_dead_letters([*ids, uuid4()], "requeued", by="boris", reason="fixed") == ids[1:]
    first, second = await store.find_dead_letters(ALL)
    assert (first.state, first.changed_by, first.changed_why) == ("dropped", "anna", "noise")
    assert (second.state, second.changed_by) == ("requeued", "boris")
    assert [(a.who, a.what, a.why) for a in await store.read_audit(str(ids[1]))] == [
        ("boris", "dead requeue", "fixed")
    ]
    with pytest.raises(StoreError):
        await store.settle_dead_letters(ids, "open", by="a", reason="b")  # type: ignore[arg-type]
    assert await store.note_audit("anna", "dead show --text", "x") > 0


async def test_a_complete_run_is_opened_again_for_a_dead_chunk_and_ends_whole(
    store: Store, sql: asyncpg.Connection
) -> None:
    await ended_run(store)
    letter = await dead_chunk(store)
    before = await store.read_profile(ANNA)
    assert await store.take_dead_letters([requeue(letter)]) == []
    run = await report(store)
    assert (run.state, run.chunks_ok, run.chunks_dead) == ("extracting", 19, 0)
    assert await store.read_kept_memory(IMPORT, 1) is None
    assert await store.read_profile(ANNA) == before, "nobody is told"
    assert await store.take_dead_letters([requeue(letter)]) == [], "after a kill the same is asked again"
    await record(store, result_of(19, [fact_of("late")], usage=Usage(calls=1, cost=0.25)))
    claim = await store.claim_run(IMPORT, 1, OWNER, 60)
    assert claim.claimed
    assert claim.edition > 0
    run = await report(store)
    spent = run.extraction_usage
    assert (spent.calls, spent.cost) == (26, 8.0), "nothing that was paid is forgotten"
    whole = memory_of(coverage=Coverage(ok=20, dead=0, total=20), edition=claim.edition, usage=spent)
    assert (await commit(store, memory_of(coverage=COVERED), status="complete")).reason == "repeated"
    assert (await commit(store, whole, status="complete")).written
    run = await report(store)
    assert (run.state, run.coverage, run.chunks_ok, run.facts_extracted) == ("complete", 1.0, 20, 20)
    assert await sql.fetchval("SELECT cost FROM run_usage") == pytest.approx(8.0)


async def test_a_run_whose_chunk_does_not_come_back_ends_as_it_was(store: Store) -> None:
    await ended_run(store)
    letter = await dead_chunk(store)
    assert await store.take_dead_letters([requeue(letter)]) == []
    assert await store.fail_run(IMPORT, 1, "chunking", "no such file")
    run = await report(store)
    assert (run.state, run.coverage, run.chunks_ok, run.chunks_dead) == ("complete", 0.95, 19, 1)
    (chunk,) = await store.read_dead_chunks(IMPORT, 1, 10)
    assert (chunk.index, "chunking failed" in str(chunk.reason)) == (19, True)
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert (profile.full_pass_status, profile.full_pass_error) == ("complete", None)


async def test_what_nobody_wants_any_more_is_refused_with_the_reason(store: Store) -> None:
    await ended_run(store)
    letter = await dead_chunk(store)

    async def refusal(**changes: Any) -> str | None:
        force = bool(changes.pop("force", False))
        found = await store.take_dead_letters([requeue(letter, **changes)], force=force)
        return found[0].reason if found else None

    assert await refusal(id=uuid4()) == "unknown"
    assert await refusal(run=2) == "no_run"
    assert await refusal(user_id=BORIS) == "foreign"
    assert await refusal(index=3) == "done"
    assert await refusal(index=20) == "done"
    other = letter_of(0)
    await record_letters(store, [other], "chunks.ready.v3")
    assert await refusal(id=other.id) == "elsewhere"
    memory = letter_of(0)
    await record_letters(store, [memory], "memory.ready.v2")
    assert await refusal(id=memory.id) == "complete"
    received = letter_of(0)
    await record_letters(store, [received], "import.received")
    assert await refusal(id=received.id) == "complete"
    assert await refusal(id=received.id, user_id=BORIS, run=9) == "foreign"
    assert await refusal(id=received.id, run=9) is None, "its event begins a run"
    again = letter_of(1, ce_id=letter.ce_id)
    await record_letters(store, [again])
    assert await refusal() == "again"
    assert (await report(store)).state == "complete"
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", on_log=True)
    assert await refusal(force=True) == "newer"
    await store.settle_dead_letters([letter.id], "dropped", by="a", reason="b")
    assert await refusal() == "dropped"


async def test_a_memory_that_could_not_be_written_is_on_its_way_again(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", on_log=True)
    await record(store, result_of(0, [fact_of("a")]))
    await store.finish_chunking(IMPORT, 1, Chunking(total=1))
    await store.claim_run(IMPORT, 1, OWNER, 60)
    made = memory_of()
    await store.keep_memory(IMPORT, 1, made)
    await store.mark_published(IMPORT, 1, edition=0)
    await store.fail_run(IMPORT, 1, "writing", "the database refused")
    await store.find_stalled("v2", 1000.0)
    letter = letter_of(0)
    await record_letters(store, [letter], "memory.ready.v2")
    taken = requeue(letter, index=None, edition=0, memory=made.model_dump(mode="json"))
    outdated = requeue(letter, index=None, edition=4, memory={})
    assert [each.reason for each in await store.take_dead_letters([outdated])] == ["outdated"]
    assert await store.take_dead_letters([taken]) == []
    assert await store.read_kept_memory(IMPORT, 1) == made
    assert (await commit(store, made, status="complete")).written


async def test_a_failed_import_waits_for_its_event_again(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", on_log=True)
    await store.fail_run(IMPORT, 1, "chunking", "it used up its attempts")
    letter = letter_of(0)
    await record_letters(store, [letter], "import.received.v2")
    assert await store.take_dead_letters([requeue(letter, index=None)]) == []
    assert (await report(store)).state == "received"


async def test_requeues_recordings_and_ends_at_once_do_not_wait_in_a_circle(store: Store) -> None:
    imports = [uuid4() for _ in range(4)]
    for each in imports:
        await begin_run(store, each, ANNA, "/a.zip", "v2", on_log=True)
        await record(store, result_of(0, import_id=each, status=ChunkStatus.DEAD))
        await store.finish_chunking(each, 1, Chunking(total=1))
    letters = [letter_of(n, import_id=each) for n, each in enumerate(imports)]
    await record_letters(store, letters)
    taken = [requeue(letter, import_id=letter.import_id, index=0) for letter in letters]
    backwards = [result_of(0, import_id=each, status=ChunkStatus.DEAD) for each in reversed(imports)]
    for _ in range(10):
        await asyncio.gather(
            store.take_dead_letters(taken),
            store.take_dead_letters(taken[::-1]),
            record(store, *backwards),
            *(store.fail_run(each, 1, "x", "y") for each in imports),
            store.find_stalled("v2", 0.0),
        )
    assert await store.take_dead_letters(taken) == []
