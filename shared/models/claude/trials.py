"""Harmless calls: what they say, when one opens a lane, and what may be told of one that was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from anthropic.types import Message

from shared.domain.events import Usage
from shared.domain.text import abridge
from shared.models.claude.failures import Failure

HARMLESS: dict[str, Any] = {"messages": [{"role": "user", "content": "Reply with: ok"}]}
"""What a trial says: refused with a call's own parameters, it is they that are refused, not the content."""
PING: dict[str, Any] = {"max_tokens": 16, **HARMLESS}
"""The smallest call that proves that the provider answers."""
PINGED = Usage(calls=1, input_tokens=16)
"""What that takes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A harmless call that opens the lane if it gets through."""

    parameters: dict[str, Any]
    takes: Usage
    """Its forecast."""
    wrong: Callable[[Message], str] | None = None
    """What is wrong with its answer, empty if nothing is; None: any answer will do."""


MOST_SAID = 200
"""Characters of a server's own words that are told."""


def for_all(failure: Failure, secrets: Iterable[str]) -> str:
    """The reason of a refusal that a harmless call met: the server's own words can hold nobody's, and none of
    the `secrets` that it was sent."""
    said = failure.said
    for secret in secrets:
        said = said.replace(secret, "***")  # before it is cut, which may leave a part
    words = f" (it says: {abridge(said, MOST_SAID)})" if said else ""
    return f"{failure.reason}, whatever it holds: check SOULPRINT_CLAUDE_MODEL and MODEL_MAX_TOKENS{words}"
