"""Many texts at a server that fails, at one that refuses some, and at one that takes less than it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from shared.models.embeddings.careful import Careful, Part, Patience
from shared.models.embeddings.client import Embedder
from shared.resilience.faults import LaneError
from shared.settings import load_settings
from tests.support.embeddings import HASTY
from tests.support.fake_embeddings import FakeEmbeddings, embedding_settings, fake_embeddings
from tests.support.waiting import until

TEXTS = [f"passage number {number}" for number in range(40)]


@asynccontextmanager
async def careful_at(
    fake: FakeEmbeddings, most: int = 8, patience: Patience = HASTY, **changes: object
) -> AsyncIterator[Careful]:
    embedder = Embedder(load_settings(**embedding_settings(fake, **changes)))
    careful = Careful(embedder, most, patience)
    try:
        yield careful
    finally:
        await careful.close()
        await embedder.close()


async def embedded(careful: Careful, texts: Sequence[str] = TEXTS) -> list[Part]:
    """All parts; each text is in one of them, in order."""
    parts = [part async for part in careful.embedded(texts)]
    places = [part.first + n for part in parts for n in range(max(1, len(part.vectors)))]
    assert places == list(range(len(texts)))
    return parts


def refused_of(parts: Sequence[Part]) -> dict[int, str]:
    return {part.first: part.refused for part in parts if part.refused}


async def test_texts_are_embedded_in_batches_once_each() -> None:
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        parts = await embedded(careful)
        assert fake.sizes == {8: 5}
        assert set(fake.served.values()) == {1}
        assert sum(part.tokens for part in parts) == fake.tokens


@pytest.mark.parametrize("fault", ["429", "500", "503", "drop", "no json", "html", "401"])
async def test_a_fault_of_the_server_costs_no_text(fault: str) -> None:
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        fake.script(*[fault] * 12)
        assert refused_of(await embedded(careful)) == {}
        assert set(fake.served.values()) - {fake.served["soulprint"]} <= {1}
        assert sorted(fake.texts()) == sorted(TEXTS)
        assert careful.most == 8, "it was not the number of texts"


async def test_nothing_is_sent_before_the_time_that_the_server_asks_for() -> None:
    async with fake_embeddings() as fake, careful_at(fake, patience=Patience()) as careful:
        fake.retry_after = 0.2
        fake.script("429")
        began = asyncio.get_running_loop().time()
        await embedded(careful, TEXTS[:2])
        assert asyncio.get_running_loop().time() - began >= 0.2


async def test_a_text_that_is_refused_costs_only_itself() -> None:
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        fake.poison = "tango"
        texts = [*TEXTS[:11], "tango", *TEXTS[11:]]
        parts = await embedded(careful, texts)
        assert refused_of(parts) == {11: "refused"}
        assert [part.final for part in parts if part.refused] == [True]
        assert set(fake.texts()) == set(TEXTS)
        assert careful.most == 8


async def test_a_text_that_brings_the_server_down_may_be_asked_for_another_day() -> None:
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        fake.deadly = "tango"
        parts = await embedded(careful, [*TEXTS[:3], "tango", *TEXTS[3:]])
        assert refused_of(parts) == {3: "server_error"}
        assert [part.final for part in parts if part.refused] == [False]


async def test_a_refusal_of_all_is_the_set_ups_fault_and_waited_out() -> None:
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        fake.chances = {"400": 1.0}
        work = asyncio.create_task(embedded(careful))
        await until(lambda: careful.lane.paused and fake.calls[400] > 4)
        fake.chances = {}
        assert refused_of(await work) == {}


@pytest.mark.parametrize("status", [400, 413, 422, 500])
async def test_a_text_that_is_too_long_is_shortened_and_the_bound_is_kept_to(status: int) -> None:
    long = ["word " * 400 + str(number) for number in range(16)]
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        fake.longest, fake.too_long = 1000, (status, "input (700 tokens) is too large to process")
        assert refused_of(await embedded(careful, [*TEXTS, *long])) == {}
        assert max(map(len, fake.texts())) <= 1000
        assert careful.longest is not None
        assert 750 < careful.longest <= 1000
        before = fake.calls.total()
        await embedded(careful, [text + "!" for text in long])
        assert fake.calls.total() - before == 2


async def test_a_server_that_takes_fewer_texts_gets_fewer() -> None:
    async with fake_embeddings() as fake, careful_at(fake, most=32) as careful:
        fake.most_texts = 5
        await embedded(careful)
        assert careful.most == 4
        before = fake.calls[422]
        await embedded(careful, [f"again {text}" for text in TEXTS])
        assert fake.calls[422] == before
        assert set(fake.served.values()) - {fake.served["soulprint"]} <= {1}


async def test_patience_ends_where_it_has_an_end() -> None:
    impatient = Patience(backoff=HASTY.backoff, trials=HASTY.trials, lane=0.05)
    async with fake_embeddings() as fake, careful_at(fake, patience=impatient) as careful:
        fake.chances = {"401": 1.0}
        with pytest.raises(LaneError, match="refuses the key"):
            await embedded(careful)
        fake.chances = {}
        await fake.stop()
        with pytest.raises(LaneError):
            await embedded(careful)


async def test_several_tasks_try_a_server_that_is_down_one_at_a_time() -> None:
    async with fake_embeddings() as fake, careful_at(fake) as careful:
        fake.chances = {"401": 1.0}
        work = [asyncio.create_task(embedded(careful, [f"{text} {n}" for text in TEXTS])) for n in range(4)]
        await until(lambda: careful.lane.paused)
        before = fake.calls[401]
        await until(lambda: fake.calls[401] > before + 5)
        assert fake.most_in_flight <= 4
        fake.chances = {}
        assert [refused_of(each) for each in await asyncio.gather(*work)] == [{}] * 4
        assert set(fake.served.values()) - {fake.served["soulprint"]} <= {1}
