"""One call for embeddings: what is sent, what is read of the answer, and what each failure means."""

from __future__ import annotations

import base64
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import UsageError
from shared.models.embeddings import client
from shared.models.embeddings.answer import NoEmbeddingsError, read_answer
from shared.models.embeddings.client import Embedder, endpoint
from shared.models.embeddings.failures import EmbeddingError
from shared.resilience.faults import Fault
from shared.settings import load_settings
from tests.support.fake_embeddings import (
    MODEL,
    FakeEmbeddings,
    embedding_settings,
    fake_embeddings,
    numbers_of,
)


@asynccontextmanager
async def embedder_at(fake: FakeEmbeddings, **changes: object) -> AsyncIterator[Embedder]:
    embedder = Embedder(load_settings(**embedding_settings(fake, **changes)))
    try:
        yield embedder
    finally:
        await embedder.close()


def as_numbers(vector: str) -> list[float]:
    return [float(each) for each in orjson.loads(vector)]


async def test_texts_come_back_in_their_order_with_what_they_cost() -> None:
    texts = ["a dog", "a car", "ünïcode \u2028 \U0001f600"]
    async with fake_embeddings() as fake, embedder_at(fake, embeddings_price=0.02) as embedder:
        embedded = await embedder.embed(texts)
        assert [as_numbers(each) for each in embedded.vectors] == [numbers_of(text, 64) for text in texts]
        assert embedded.tokens == fake.tokens > 0
        assert embedder.spent(embedded).cost == pytest.approx(fake.tokens * 0.02 / 1e6)
        assert fake.last == {"model": MODEL, "input": texts}
        assert "authorization" not in fake.headers


async def test_numbers_may_come_in_base64_and_usage_not_at_all() -> None:
    async with fake_embeddings() as fake, embedder_at(fake, embeddings_api_key="k") as embedder:
        fake.base64, fake.usage, fake.api_key = True, False, "k"
        embedded = await embedder.embed(["a dog"])
        assert as_numbers(embedded.vectors[0]) == pytest.approx(numbers_of("a dog", 64), rel=1e-6)
        assert embedded.tokens == 0
        assert embedder.spent(embedded).cost is None, "no price is set"


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("http://h:1", "http://h:1/v1/embeddings"),
        ("http://h:1/v1", "http://h:1/v1/embeddings"),
        ("https://h/proxy/v1/embeddings", "https://h/proxy/v1/embeddings"),
    ],
)
def test_what_is_left_out_of_the_address_is_added(given: str, called: str) -> None:
    assert endpoint(given) == called


@pytest.mark.parametrize(
    ("fault", "kind", "outcome"),
    [
        ("429", Fault.TRANSIENT, "rate_limited"),
        ("500", Fault.TRANSIENT, "server_error"),
        ("503", Fault.TRANSIENT, "server_error"),
        ("drop", Fault.TRANSIENT, "dropped"),
        ("hang", Fault.TRANSIENT, "timeout"),
        ("no json", Fault.TRANSIENT, "garbled"),
        ("too few", Fault.TRANSIENT, "garbled"),
        ("large", Fault.TRANSIENT, "garbled"),
        ("401", Fault.LANE, "unusable"),
        ("403", Fault.LANE, "unusable"),
        ("404", Fault.LANE, "unusable"),
        ("307", Fault.LANE, "unusable"),
        ("html", Fault.LANE, "unusable"),
        ("billing", Fault.LANE, "unusable"),
        ("400", Fault.POISON, "refused"),
        ("413", Fault.POISON, "too_long"),
        ("422", Fault.POISON, "refused"),
    ],
)
async def test_what_a_failure_means(
    fault: str, kind: Fault, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 5000)
    seconds = 0.1 if fault == "hang" else 120.0
    async with fake_embeddings() as fake, embedder_at(fake, embeddings_timeout=seconds) as embedder:
        fake.script(fault)
        with pytest.raises(EmbeddingError) as failed:
            await embedder.embed(["tango secret"])
        assert (failed.value.fault, failed.value.outcome) == (kind, outcome)
        assert "tango" not in str(failed.value)
        assert failed.value.wait == (0.01 if fault in ("429", "503") else None)
        assert embedder.metrics.calls.labels(MODEL, outcome)._value.get() == 1


async def test_a_server_that_is_not_there_is_named() -> None:
    async with fake_embeddings() as fake, embedder_at(fake) as embedder:
        await fake.stop()
        with pytest.raises(EmbeddingError, match=f"cannot reach http://127.0.0.1:{fake.port}") as failed:
            await embedder.embed(["a dog"])
        assert failed.value.fault is Fault.TRANSIENT


async def test_a_refusal_that_quotes_the_text_is_not_repeated() -> None:
    async with fake_embeddings() as fake, embedder_at(fake) as embedder:
        fake.poison = "tango"
        with pytest.raises(EmbeddingError) as failed:
            await embedder.embed(["tango secret"])
        assert "tango" not in f"{failed.value!r} {failed.value.__context__!r}"


async def test_a_model_of_another_size_is_named_with_both_numbers() -> None:
    async with fake_embeddings(1024) as fake, embedder_at(fake) as embedder:
        with pytest.raises(UsageError, match=rf"'{MODEL}' gives 1,024 numbers .* takes 768"):
            await embedder.fit(768, shorten=False)
        assert "dimensions" not in fake.last, "servers refuse it of most models"
        with pytest.raises(UsageError, match="1,024"):
            await embedder.fit(768, shorten=True)
        fake.shortens = True
        await embedder.fit(768, shorten=True)
        assert (await embedder.embed(["a dog"])).dimensions == 768
        await embedder.fit(1024, shorten=True)
        assert "dimensions" not in fake.last


async def test_a_model_that_changes_its_size_later_is_not_believed() -> None:
    async with fake_embeddings() as fake, embedder_at(fake) as embedder:
        await embedder.fit(64, shorten=False)
        fake.dimensions = 16
        with pytest.raises(EmbeddingError, match="16 numbers a text, and not 64"):
            await embedder.embed(["a dog"])


def answer_of(*embeddings: object) -> bytes:
    return orjson.dumps({"data": [{"embedding": each} for each in embeddings]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"data": {}}',
        b'{"data": [null]}',
        b'{"data": [{"index": 1, "embedding": [1.0]}]}',
        b'{"data": [{"index": -1, "embedding": [1.0]}]}',
        b'{"data": [{"index": "0", "embedding": [1.0]}]}',
        b'{"data": [{"embedding": [1e999]}]}',
        answer_of([1e39]),
        answer_of([]),
        answer_of(["1"]),
        answer_of([True]),
        answer_of(None),
        answer_of("%%%"),
        answer_of("QUI="),
        answer_of(base64.b64encode(array("f", [float("nan")]).tobytes()).decode()),
        answer_of([0.0] * 16_001),
        answer_of([1.0], [2.0]),
    ],
)
def test_an_answer_that_is_none_is_told_without_what_it_holds(body: bytes) -> None:
    with pytest.raises(NoEmbeddingsError):
        read_answer(body, 1)


def test_embeddings_of_several_sizes_are_none() -> None:
    with pytest.raises(NoEmbeddingsError, match="several sizes"):
        read_answer(answer_of([1.0], [1.0, 2.0]), 2)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "index", "embedding", "usage", "prompt_tokens"]), inner)
    ),
    max_leaves=12,
)


@given(json)
def test_whatever_is_answered_is_read_or_refused(value: Any) -> None:
    try:
        embedded = read_answer(orjson.dumps(value), 2)
    except NoEmbeddingsError:
        return
    assert len(embedded.vectors) == 2
