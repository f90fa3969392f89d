"""JSON of any size as a stream of its conversation objects, one in memory at a time.

The reader splits the file into values and gives each to orjson. A value's end is found in one of two ways:

- by *guess*: conversations of a file begin alike (`}, {"title": "...", "create_time":`), so the next such
  beginning is tried as the end of this one. A proper part of a JSON object is never a JSON object, so what
  parses is exactly the conversation; a wrong guess costs time, never correctness;
- by *scan*: brackets are counted, strings skipped. Slower, exact, and in constant memory, so it also steps
  over what is too large to hold.

Because values are split before they are parsed, one that is not valid JSON is rejected and the file goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from shared.exports.conversation import Conversation, Parsed, ReadLimits, Rejected
from shared.exports.json.reader import OPEN_LIST, OPEN_OBJECT, ValueReader
from shared.exports.lost import told

StreamedObject = object
"""A raw JSON value, or a Rejected for one that could not be read, which no JSON value is."""


def stream_objects(
    stream: BinaryIO, member: str, limits: ReadLimits, prefixes: Sequence[str]
) -> Iterator[StreamedObject]:
    """Each value at one of `prefixes`, in file order; a Rejected in place of one that cannot be read.

    A prefix is `item` (elements of a top-level array), `conversations.item` or `a.b.item` (elements of an
    array inside a top-level object), or the empty string (each top-level value itself: JSON lines, or a file
    that is one conversation). Where the empty string stands beside keys, an object that has one of the keys
    is searched for them and any other is a value.

    Raises BrokenExportError where the file breaks, after yielding all that came before.
    """
    reader = ValueReader(stream, member, limits)
    paths = [tuple(prefix.split(".")[:-1]) for prefix in prefixes if prefix not in ("", "item")]
    firsts = {path[0] for path in paths}
    whole = "" in prefixes
    while (byte := reader.peek()) is not None:
        if byte == OPEN_LIST and "item" in prefixes:
            yield from reader.elements()
        elif byte == OPEN_OBJECT and paths and not (whole and firsts.isdisjoint(reader.top_keys())):
            yield from reader.within(paths)
        elif whole:
            if byte == OPEN_OBJECT:
                yield from reader.lines()
            if reader.peek() is not None:
                yield from reader.value()
        else:
            reader.skip()


def read_conversations(
    stream: BinaryIO,
    member: str,
    limits: ReadLimits,
    prefixes: Sequence[str],
    parse: Callable[[object, str], Parsed],
) -> Iterator[Parsed]:
    """`parse(raw, place)` of each object of `stream_objects`; `place` is `member#position`, counted from 1.

    What `parse` cannot read is rejected, whatever it raises: one bad conversation never aborts the file.
    """
    position = 0
    for raw in stream_objects(stream, member, limits, prefixes):
        position += 1
        if isinstance(raw, Rejected):
            yield raw
            continue
        place = f"{member}#{position}"
        try:
            parsed = parse(raw, place)
        except Exception as error:  # a stranger's data: anything may be wrong with it
            parsed = Rejected(place, f"its structure is not understood ({type(error).__name__})")
        yield told(parsed) if isinstance(parsed, Conversation) else parsed
