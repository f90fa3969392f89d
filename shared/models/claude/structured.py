"""Parameters that a server may not know, and a call without them: then the schema stands in the prompt."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Final

import orjson

OPTIONAL: Final = ("output_config", "thinking")
"""Parameters without which a call asks for the same."""
_IN_WORDS: Final = (
    "The JSON object must be valid against this JSON Schema. Answer with the object alone, without a fence.\n"
)


def in_question(parameters: dict[str, Any], said: str) -> frozenset[str]:
    """Which parameters a server may have refused: those that it names, else all that it need not know."""
    sent = frozenset(parameters).intersection(OPTIONAL)
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
