"""A reply's text as what was asked for. Many servers bind a model to no schema: it thinks aloud first, puts
words, braces and fences around its JSON, or leaves out the object around a list.

Each opening bracket is tried, but for those of words, and what can be decoded there is passed over as a
whole; where too many fail the search ends. So the work is linear in the text. What is thought aloud is no
answer: only what stands behind it counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

R = TypeVar("R", bound=BaseModel)

_OPENING: Final = re.compile(r'\{\s*["}]|\[\s*[\]["{\d]')
"""A bracket that may be JSON's, rather than of words."""
_THOUGHT: Final = re.compile(r"</(?:think|thinking|thought|thoughts|reasoning)>", re.IGNORECASE)
"""The end of what is thought aloud; its beginning stands in the prompt with some servers."""
_BEGUN: Final = re.compile(r'\{\s*"|\[\s*["{\[]')
"""A bracket of JSON that holds anything, rather than of words."""
_NEAR_THE_END: Final = 8
"""Characters from the end at which a decoder may stop that met nothing wrong but the end: a literal's."""
_OF_OBJECTS: Final = re.compile(r"\[\s*\{")
_TRIES: Final = 200
"""Brackets that are decoded in vain before no further one is tried: the decoder's errors count lines."""
_CANDIDATES: Final = 50
"""Most values that are looked at."""
_DECODER: Final = json.JSONDecoder()


class Spoilt(Enum):
    """Why a reply cannot be read, as far as asking for less may help."""

    WORDS = "words"
    """It holds no JSON: words, a call of a tool, a pause."""
    SHAPE = "shape"
    """It holds JSON of another shape."""
    CUT = "cut"
    """Its JSON ends in the middle."""


class InvalidReplyError(Exception):
    """A reply that is not of its schema. `told` may be sent to the model; it holds no value of the reply.

    `text` is the reply itself where some of it may be of use; never to be shown.
    """

    def __init__(self, told: str, text: str = "", spoilt: Spoilt = Spoilt.WORDS) -> None:
        super().__init__(told)
        self.told = told
        self.text = text
        self.spoilt = spoilt


class _Value(NamedTuple):
    """JSON that stands in a text, as it stands there."""

    text: str
    inside: bool
    """Whether it may be a part of JSON that is broken, and not what was meant."""


def parse_reply(text: str, reply: type[R]) -> R:
    """`text` as a `reply`. Of several answers the longest counts; a list stands for an object that has
    nothing but a list. Raises InvalidReplyError."""
    try:
        return reply.model_validate_json(text)
    except ValidationError as error:
        invalid = error
    said = text[_end_of_thought(text) :]
    values, spoilt = _values(said)
    objects = sorted(values, key=lambda value: (value.text[0] == "{", len(value.text)), reverse=True)
    for place, candidate in enumerate(_fit(objects[:_CANDIDATES], reply, len(said))):
        try:
            return reply.model_validate_json(candidate)
        except ValidationError as error:
            if not place:
                invalid, spoilt = error, Spoilt.SHAPE if spoilt is Spoilt.WORDS else spoilt
    raise InvalidReplyError(_told(invalid), spoilt=spoilt)


def _fit(values: list[_Value], reply: type[BaseModel], size: int) -> Iterator[str]:
    """What of the values may be a reply: of what may be a part only an object that must have its fields; of
    lists those of objects, and one that is most of what is said, as words hold lists of numbers too."""
    fields = reply.model_fields
    sure = any(field.is_required() for field in fields.values())
    for value in values:
        if value.text[0] == "{":
            if sure or not value.inside:
                yield value.text
        elif (
            len(fields) == 1
            and not value.inside
            and (_OF_OBJECTS.match(value.text) or 2 * len(value.text) > size)
        ):
            yield f'{{"{next(iter(fields))}": {value.text}}}'


def _end_of_thought(text: str) -> int:
    end = 0
    for found in _THOUGHT.finditer(text):
        end = found.end()
    return end


def _values(text: str) -> tuple[list[_Value], Spoilt]:
    """The JSON objects and lists in a text, outermost, in their order, and what is wrong if none is good."""
    values: list[_Value] = []
    inside, at, left, end = False, 0, _TRIES, len(text.rstrip())
    while left and (opening := _OPENING.search(text, at)) is not None:
        start = opening.start()
        try:
            _, at = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if _met_the_end(error, end):
                return values, Spoilt.CUT
            inside = inside or _BEGUN.match(text, start) is not None
            left -= 1
            at = start + 1
        except RecursionError:  # nobody's answer; what stands within is as deep, and each try takes long
            return values, Spoilt.SHAPE
        except ValueError:  # a number too long
            inside = True
            left -= 1
            at = start + 1
        else:
            values.append(_Value(text[start:at], inside))
    return values, Spoilt.SHAPE if inside else Spoilt.WORDS


def _met_the_end(error: json.JSONDecodeError, end: int) -> bool:
    return error.msg.startswith("Unterminated string") or error.pos >= end - _NEAR_THE_END


def _told(error: ValidationError) -> str:
    wrong = error.errors(include_input=False, include_url=False, include_context=False)[:5]
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg']}"[:200] for e in wrong)
