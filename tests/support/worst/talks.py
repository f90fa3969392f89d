"""Conversations before they are an export, and the table of carriers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from tests.support.worst.orders import Order

SHORT: Final = 120
"""Characters of a text that is nothing without its frame."""
Role = Literal["user", "assistant", "tool", "system", "instructions"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `instructions` is a hidden one of custom instructions that is not by the person."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation."""

    title: str
    turns: tuple[Turn, ...]


Carrier = Callable[[Order, int], list[Talk]]
"""An order, and which of its three frames: the conversations that carry it."""
CARRIERS: Final[dict[str, Carrier]] = {}


def carrier(make: Carrier) -> Carrier:
    """Put a carrier into the table, by its name."""
    CARRIERS[make.__name__.replace("_", " ").strip()] = make  # type: ignore[attr-defined]
    return make


def asked(text: str, *, title: str = "A question", reply: str = "Here you are.") -> list[Talk]:
    """One message of the person and an answer."""
    return [Talk(title, (Turn("user", text), Turn("assistant", reply)))]


FRAMES: Final = (
    "thoughts?", "what is this", "hm?", "shorter pls", "and now this one", "any typos?", "is he right?",
    "I don't get it", "ok next:", "can you make sense of it", "help", "got it today, weird", "opinions",
)  # fmt: skip
"""What people say to a text that they paste, if they say anything."""


def reframed(talk: Talk, rng: Random) -> Talk:
    """The same with another request, above or below the text or nowhere, where a text follows a request."""
    first, *rest = talk.turns
    head, gap, body = first.text.partition("\n\n")
    if (
        not gap
        or "\n" in head
        or "\n" not in body
        or len(body) < SHORT
        or len(head) > len(body)
        or head[:1] in "{`![$"
    ):
        return talk
    frame = rng.choice(FRAMES)
    text = rng.choice((f"{frame}\n\n{body}", f"{body}\n\n{frame}", f"{frame}\n{body}", body))
    return Talk(talk.title, (Turn(first.role, text), *rest))


def one_of(number: int, *frames: str) -> str:
    """The frame of this number."""
    return frames[number % len(frames)]
