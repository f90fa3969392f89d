"""Parameters that a server may not know, and a call without them: then the schema stands in the prompt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from typing import Any, Final

import orjson
import structlog
from anthropic.types import Message

from shared.models.claude.failures import Failure
from shared.resilience.faults import Fault

OPTIONAL: Final = ("output_config", "thinking")
"""Parameters without which a call asks for the same."""
_IN_WORDS: Final = (
    "The JSON object must be valid against this JSON Schema. Answer with the object alone, without a fence.\n"
)


log = structlog.get_logger(__name__)


class Spared:
    """The parameters that one server refuses, which calls go without."""

    def __init__(self) -> None:
        self.names: Set[str] = frozenset()

    async def find(
        self,
        harmless: dict[str, Any],
        refused: Failure,
        send: Callable[[dict[str, Any]], Awaitable[Message | Failure]],
    ) -> Failure | None:
        """A harmless call was `refused`: `send` it without what the server may not know. None once that got
        through, and all go without from now on; else why the last one did not."""
        names = self.names
        while refused.fault is Fault.POISON and (more := _in_question(harmless, names, refused.said)):
            names |= more
            answer = await send(without(harmless, names))
            if not isinstance(answer, Failure):
                self.names = names
                log.warning("the server refuses parameters: calls go without", parameters=sorted(names))
                return None
            refused = answer
        return refused


def _in_question(parameters: dict[str, Any], spared: Set[str], said: str) -> frozenset[str]:
    """Which parameters a server may have refused: those that it names, else all that it need not know."""
    sent = frozenset(parameters).intersection(OPTIONAL) - spared
    return frozenset(name for name in sent if name in said) or sent


def without(parameters: dict[str, Any], names: Set[str]) -> dict[str, Any]:
    """The same call without these parameters."""
    if parameters.keys().isdisjoint(names):
        return parameters
    fewer = {name: value for name, value in parameters.items() if name not in names}
    form = (parameters.get("output_config") or {}).get("format") if "output_config" in names else None
    if form is not None:
        words = {"type": "text", "text": _IN_WORDS + orjson.dumps(form["schema"]).decode()}
        fewer["system"] = [*fewer.get("system", ()), words]
    return fewer
