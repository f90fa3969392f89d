"""Conversations before they are an export, and the table of carriers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from tests.support.worst.orders import Order

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


def one_of(number: int, *frames: str) -> str:
    """The frame of this number."""
    return frames[number % len(frames)]
