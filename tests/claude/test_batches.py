"""Message Batches: half the price, nothing paid twice, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from shared.domain.batches import SENDING, OpenBatch
from shared.domain.errors import CostLimitError, ModelError, ModelUnavailableError
from shared.domain.events import ChunkReady, Usage
from shared.models.base import Extraction
from shared.models.claude.batches import Answer
from shared.models.claude.model import ClaudeModel
from shared.store.batches import StoreLedger
from shared.store.store import Store
from tests.exports.plants import markers_in
from tests.support.chunks import chunk_of, said
from tests.support.fake_claude.fixtures import (
    fake_claude,
    markers_of,
    model_at,
    planted_chunk,
    served_usage,
    spent_usage,
)
from tests.support.waiting import until


@pytest.fixture
def ledger(store: Store) -> StoreLedger:
    return StoreLedger(store, "here")


async def open_batches(
    ledger: StoreLedger, model: ClaudeModel, chunks: Sequence[ChunkReady]
) -> Sequence[OpenBatch]:
    """The batches that hold some of the chunks."""
    hashes = [chunk.content_hash for chunk in chunks]
    return await ledger.holding(model.name, model.prompt_version, hashes)


async def read_all(
    model: ClaudeModel, chunks: Sequence[ChunkReady], ledger: StoreLedger
) -> dict[int, Answer]:
    """Every chunk's answer by its index."""
    return {chunk.index: answer async for chunk, answer in model.extract_batch(chunks, ledger)}


def found(answer: Answer) -> set[str]:
    assert isinstance(answer, Extraction)
    return {marker.capitalize() for each in answer.candidates for marker in markers_in(each.statement)}


async def test_a_batch_reads_every_chunk_at_half_the_price(ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        chunks = [planted_chunk(index) for index in range(12)]
        answers = await read_all(model, chunks, ledger)
        assert {index: found(answer) for index, answer in answers.items()} == {
            index: markers_of(index) for index in range(12)
        }
        assert fake.accounts.requests == 0
        assert spent_usage(model.spent) == served_usage(fake)
        full = sum(
            model.options.prices.cost(model.name, answer.usage) or 0.0
            for answer in answers.values()
            if isinstance(answer, Extraction)
        )
        assert model.spent.cost == pytest.approx(full / 2)


async def test_an_id_is_stored_before_the_batch_is_waited_for_and_taken_up_again(ledger: StoreLedger) -> None:
    chunks = [planted_chunk(index) for index in range(5)]
    async with fake_claude(batch_looks=1_000_000) as fake:
        async with model_at(fake) as model:
            killed = asyncio.create_task(read_all(model, chunks, ledger))

            async def created() -> bool:
                """A batch has its id."""
                return any(not batch.sending for batch in await open_batches(ledger, model, chunks))

            await until(created)
            killed.cancel()
            await asyncio.wait({killed})
        (stored,) = await open_batches(ledger, model, chunks)
        fake.batches.looks = 1
        async with model_at(fake) as model:
            answers = await read_all(model, chunks, ledger)
        assert all(found(answers[index]) == markers_of(index) for index in range(5))
        assert fake.told()["batch"]["calls"] == 5
        assert fake.accounts.requests == 0
        await ledger.stored(stored.hashes[:2])
        (left,) = await open_batches(ledger, model, chunks)
        assert sorted(left.hashes) == sorted(stored.hashes[2:])
        await ledger.stored(stored.hashes)
        assert await open_batches(ledger, model, chunks) == []


async def test_a_restart_asks_only_for_what_no_batch_holds(ledger: StoreLedger) -> None:
    async with fake_claude() as fake:
        async with model_at(fake) as model:
            await read_all(model, [planted_chunk(index) for index in range(3)], ledger)
        async with model_at(fake) as model:
            answers = await read_all(model, [planted_chunk(index) for index in range(1, 5)], ledger)
        assert sorted(answers) == [1, 2, 3, 4]
        assert fake.told()["batch"]["calls"] == 5


async def test_another_models_batch_is_not_taken_up(ledger: StoreLedger) -> None:
    async with fake_claude() as fake:
        for name in ("claude-haiku-5-5", "claude-haiku-4-5"):
            async with model_at(fake, model=name) as model:
                await read_all(model, [planted_chunk(1)], ledger)
        assert fake.told()["batch"]["calls"] == 2


@pytest.mark.parametrize("fault", ["errored", "expired", "canceled", "truncated_json", "max_tokens"])
async def test_what_a_batch_could_not_do_goes_back_to_single_calls(fault: str, ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script([None, fault])
        answers = await read_all(model, [planted_chunk(index) for index in range(6)], ledger)
        assert all(found(answers[index]) == markers_of(index) for index in range(6))
        assert fake.accounts.requests == 1
        assert spent_usage(model.spent) == served_usage(fake)
        usages = [answer.usage for answer in answers.values() if isinstance(answer, Extraction)]
        assert sum(usage.calls for usage in usages) == model.spent.calls


async def test_a_refusal_in_a_batch_is_dead_with_its_reason(ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script([None, "refusal"])
        answers = await read_all(model, [planted_chunk(1)], ledger)
        assert isinstance(answers[1], ModelError)
        assert fake.accounts.requests == 0


async def test_a_batch_that_expires_whole_is_read_by_single_calls(ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.batches.expire = True
        answers = await read_all(model, [planted_chunk(index) for index in range(9)], ledger)
        assert all(found(answers[index]) == markers_of(index) for index in range(9))
        assert fake.told()["batch"]["calls"] == 0


async def test_a_batch_whose_answer_was_lost_is_found_not_paid_for_again(ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script(["cut"])
        answers = await read_all(model, [planted_chunk(index) for index in range(4)], ledger)
        assert len(answers) == 4
        assert fake.told()["batch"]["calls"] == 4


async def test_a_batch_the_provider_forgot_is_read_by_single_calls(ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        await read_all(model, [planted_chunk(1)], ledger)
    async with fake_claude() as fake, model_at(fake) as model:
        answers = await read_all(model, [planted_chunk(1)], ledger)
        assert found(answers[1]) == markers_of(1)
        assert fake.accounts.requests == 1


async def test_equal_chunks_are_asked_for_once_and_answered_each(ledger: StoreLedger) -> None:
    twin = planted_chunk(1).model_copy(update={"index": 2})
    async with fake_claude() as fake, model_at(fake) as model:
        answers = await read_all(model, [planted_chunk(1), twin], ledger)
        assert found(answers[1]) == found(answers[2]) == markers_of(1)
        assert fake.told()["batch"]["calls"] == 1


async def test_a_chunk_of_nothing_but_answers_is_in_no_batch(ledger: StoreLedger) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        chunk = chunk_of(said("m1", "Hello", role="assistant"))
        answers = await read_all(model, [chunk], ledger)
        assert answers == {0: Extraction(())}
        assert fake.told()["batch"]["calls"] == 0


async def test_a_batch_whose_sender_was_killed_in_the_act_is_found_not_paid_for_again(
    ledger: StoreLedger,
) -> None:
    chunks = [planted_chunk(index) for index in range(4)]
    async with fake_claude(batch_looks=3) as fake:
        async with model_at(fake) as model:
            await read_all(model, chunks, ledger)
            others = [planted_chunk(index) for index in range(4, 8)]
            await read_all(model, others, ledger)  # as large, not ours
            (first,) = await open_batches(ledger, model, chunks)
            (second,) = await open_batches(ledger, model, others)
        for batch in (second, first):  # as if the id had never come
            unknown = batch.model_copy(update={"batch_id": f"{SENDING}{batch.batch_id}"})
            await ledger.opened(unknown, instead_of=batch.batch_id)
        async with model_at(fake) as model:
            answers = await read_all(model, chunks, ledger)
        assert all(found(answers[index]) == markers_of(index) for index in range(4))
        assert (fake.told()["batch"]["calls"], fake.accounts.requests) == (8, 0)


async def test_a_batch_that_never_arrived_is_sent_again(ledger: StoreLedger) -> None:
    chunks = [planted_chunk(index) for index in range(3)]
    async with fake_claude() as fake, model_at(fake) as model:
        sending = OpenBatch(
            batch_id=f"{SENDING}1",
            model=model.name,
            prompt_version=model.prompt_version,
            hashes=tuple(chunk.content_hash for chunk in chunks),
            size=3,
            begun_at=datetime.now(UTC),
        )
        await ledger.opened(sending)
        assert len(await read_all(model, chunks, ledger)) == 3
        assert fake.told()["batch"]["calls"] == 3
        assert not any(batch.sending for batch in await open_batches(ledger, model, chunks))


async def test_a_limit_on_cost_sends_what_fits_then_the_rest_and_keeps_what_it_bought(
    ledger: StoreLedger,
) -> None:
    chunks = [planted_chunk(index) for index in range(40)]
    async with fake_claude() as fake:
        async with model_at(fake, max_cost=0.03) as model:  # each may cost $0.0021 at worst
            answers = await read_all(model, chunks, ledger)
            assert len(answers) == 40
            assert 1 < len(await open_batches(ledger, model, chunks)) <= 10
            assert spent_usage(model.spent) == served_usage(fake)
        spent, calls = model.spent.cost, fake.told()["calls"]
        assert spent is not None
        more = [planted_chunk(index) for index in range(40, 100)]
        async with model_at(fake, max_cost=spent + 0.0035) as model:
            model.count_in(Usage(cost=spent))
            answered = []

            async def go_on() -> None:
                async for chunk, _ in model.extract_batch(more, ledger):
                    answered.append(chunk.index)

            with pytest.raises(CostLimitError, match="limit"):
                await go_on()
            assert 0 < len(answered) < 60
            assert (model.spent.cost or 0.0) <= 0.0035
            assert fake.told()["calls"] == calls + len(answered)


async def test_a_batch_refused_as_a_whole_kills_nothing_and_says_what_to_set(
    ledger: StoreLedger,
) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script(["bad_request"])
        with pytest.raises(ModelUnavailableError, match="SOULPRINT_MODEL_BATCH"):
            await read_all(model, [planted_chunk(1)], ledger)
        assert await open_batches(ledger, model, [planted_chunk(1)]) == []


async def test_what_a_batch_could_not_do_has_the_dollars_that_were_set_aside_for_it(
    ledger: StoreLedger,
) -> None:
    async with (
        fake_claude() as fake,
        model_at(fake, max_cost=0.014) as model,
    ):  # six may cost $0.0128 at worst
        fake.faults.script([None] + ["errored"] * 6)  # the first one is of the batch itself
        answers = await read_all(model, [planted_chunk(index) for index in range(6)], ledger)
        assert [found(answers[index]) for index in range(6)] == [markers_of(index) for index in range(6)]
        assert fake.accounts.requests == 6
