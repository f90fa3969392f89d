"""How much a field of an event may hold: what Postgres can write, Python can read, and nobody needs to pass.

Every bound lies far above what an export or a model gives: it is there for records that somebody else put on
a topic. Whoever makes events of longer things clips them (`clipped`), or they could not be read again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, FailFast, Field

from shared.domain.sizes import ACCOUNTS, ID_CHARS, TITLE_CHARS

INT4 = 2**31 - 1
"""Most of Postgres' integer."""
WHOLE = 2**53 - 1
"""Most of what every reader of JSON takes for a whole number. A thousand of them are a bigint still."""
DOLLARS = 1e9
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""A year before Python's calendar ends: any offset, and any "next month" of a text, still lies within it."""

NAME_CHARS = 200
"""Of a model, a prompt, a reason: they are parts of keys in the database, whose rows have 2,700 bytes."""
SOURCE_CHARS = 4096
"""The longest path that Linux takes."""
ERROR_CHARS = 2000
WORDS_CHARS = 1000
"""Of a statement or a quote, which are a sentence."""
ITEMS = 20_000
"""Of a list in an event: as many of its messages, empty ones, as a record has room for."""

LINEAGE_CHARS = 64
"""Of the name that a person gives a lineage."""
_UNSEEN = r"\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
LINEAGE_PATTERN = rf"^[^{_UNSEEN}](?:[^{_UNSEEN}]| [^{_UNSEEN}])*$"

RunNumber = Annotated[int, Field(ge=1, le=INT4)]
ChunkIndex = Annotated[int, Field(ge=0, lt=INT4)]
ChunkTotal = Annotated[int, Field(ge=1, le=INT4)]
Count = Annotated[int, Field(ge=0, le=INT4)]
"""How many there are of what one import holds."""
AccountNumber = Annotated[int, Field(ge=0, lt=ACCOUNTS)]
"""Which of a run's accounts, in the order in which its reading met them."""
Total = Annotated[int, Field(ge=0, le=WHOLE)]
"""A sum of counts, as of tokens."""
Cost = Annotated[float, Field(ge=0, le=DOLLARS, allow_inf_nan=False)]
"""US dollars."""
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
"""A time. One without an offset says nothing: nobody knows whose clock it is of."""

Id = Annotated[str, Field(max_length=ID_CHARS)]
"""An id as an export has it, of a conversation or a message."""
Title = Annotated[str, Field(max_length=TITLE_CHARS)]
Name = Annotated[str, Field(max_length=NAME_CHARS)]
PipelineName = Annotated[str, Field(max_length=16, pattern=r"^v[1-9][0-9]*$")]
Source = Annotated[str, Field(max_length=SOURCE_CHARS)]
ErrorText = Annotated[str, Field(max_length=ERROR_CHARS)]
LineageName = Annotated[str, Field(max_length=LINEAGE_CHARS, pattern=LINEAGE_PATTERN)]
"""A lineage as a person names it: one line, with nothing in it that is not seen or that turns text about."""
Words = Annotated[str, Field(min_length=1, max_length=WORDS_CHARS)]
Digest = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What the Message Batches API takes for the name of a request: one that it refused would cost the batch."""
Listed = Field(max_length=ITEMS)
FIRST_ERROR = FailFast()
"""For lists: a wrong one is refused at its first wrong item, since a list of all errors takes seconds."""

ERRORS = frozenset({
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number",
    "int_parsing_size", "timezone_aware", "string_too_long",
    "string_too_short", "string_pattern_mismatch", "too_long", "too_short", "value_error",
})  # fmt: skip
"""Pydantic's words for what is of the right form and out of bounds; its messages for them hold no value."""


def clipped(text: str, limit: int) -> str:
    """`text`, or its first characters where it has more than `limit`."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
