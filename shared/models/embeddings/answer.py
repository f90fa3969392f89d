"""What a server answers to a call for embeddings, read as what pgvector takes."""

from __future__ import annotations

import base64
import binascii
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.domain.bounds import WHOLE

MOST_NUMBERS = 16_000
"""Of one embedding, as many as pgvector stores."""
LARGEST = 3e38
"""A number as pgvector stores them is a float of 32 bits."""


class NoEmbeddingsError(Exception):
    """The answer is not what was asked for; the message says how, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embeddings of the texts of one call, in their order, each as pgvector writes it: `[0.1,0.2]`."""

    vectors: Sequence[str]
    dimensions: int
    tokens: int
    """As the server counts them; 0 where it does not say."""


def read_answer(body: bytes, texts: int) -> Embedded:
    """The embeddings of so many texts. Raises NoEmbeddingsError."""
    try:
        answer = orjson.loads(body)
    except ValueError:
        raise NoEmbeddingsError("what is no JSON") from None
    rows = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list):
        raise NoEmbeddingsError("without embeddings")
    if len(rows) != texts:
        raise NoEmbeddingsError(f"{len(rows):,} embeddings for {texts:,} texts")
    found: list[list[float] | array[float] | None] = [None] * texts
    for place, row in enumerate(rows):
        index = row.get("index", place) if isinstance(row, Mapping) else None
        if not isinstance(index, int) or not 0 <= index < texts or found[index] is not None:
            raise NoEmbeddingsError("embeddings whose texts cannot be told")
        found[index] = _numbers(row.get("embedding"))
    sizes = {len(each or ()) for each in found}
    if len(sizes) != 1 or sizes == {0}:
        raise NoEmbeddingsError("embeddings of several sizes")
    vectors = [orjson.dumps(list(each or ())).decode() for each in found]
    return Embedded(vectors, sizes.pop(), _tokens(answer.get("usage")))


def _numbers(value: Any) -> list[float] | array[float]:
    """An embedding as numbers: a list of them, or the bytes of 32-bit ones in base64."""
    numbers: list[float] | array[float]
    if isinstance(value, str):
        try:
            numbers = array("f", base64.b64decode(value, validate=True))
            if sys.byteorder == "big":
                numbers.byteswap()
        except (ValueError, binascii.Error):
            raise NoEmbeddingsError("embeddings in a form that is not known") from None
    elif isinstance(value, list) and all(type(each) in (float, int) for each in value):
        numbers = value
    else:
        raise NoEmbeddingsError("embeddings in a form that is not known")
    if len(numbers) > MOST_NUMBERS or not all(-LARGEST < each < LARGEST for each in numbers):
        raise NoEmbeddingsError("embeddings with numbers that cannot be stored")
    return numbers


def _tokens(usage: Any) -> int:
    for name in ("prompt_tokens", "total_tokens"):
        value = usage.get(name) if isinstance(usage, Mapping) else None
        if type(value) is int and value > 0:
            return min(value, WHOLE)
    return 0
