"""What the stand-in served, to the token: only what was delivered to a client that was there counts."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import orjson

from shared.domain.text import estimate_tokens
from tests.support.fake_claude.reading import all_text

LEAST_CACHED = 512
"""Tokens below which a marked prefix is not cached."""
THINKING_TOKENS = 40


class Accounts:
    """Counts of calls and tokens, in all and of batches alone, and the planted facts offered."""

    def __init__(self) -> None:
        self.requests = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.served: Counter[str] = Counter()
        self.offered: set[str] = set()
        self.prompts: list[int] = []
        """Characters of each request's prompt: system, messages and schema."""
        self.margin = 1.0
        """Tokens that are billed for each four bytes; of a current model 1.3."""
        self.last: dict[str, Any] = {}
        """The newest request's parameters."""
        self._prefixes: set[str] = set()

    def usage(self, params: dict[str, Any], text: str, *, thinking: bool) -> dict[str, int]:
        """What the API would bill for this call."""
        schema = (params.get("output_config") or {}).get("format")
        tokens = estimate_tokens(all_text(params)) + (estimate_tokens(str(schema)) if schema else 0)
        prefix = _cached_prefix(params)
        read = write = 0
        if prefix and (size := estimate_tokens(prefix)) >= LEAST_CACHED:
            key = hashlib.sha256(f"{params['model']}\0{prefix}".encode()).hexdigest()
            read, write = (size, 0) if key in self._prefixes else (0, size)
            self._prefixes.add(key)
        usage = {
            "input_tokens": tokens - read - write,
            "output_tokens": estimate_tokens(text) + 1 + (THINKING_TOKENS if thinking else 0),
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": write,
        }
        return {name: round(count * self.margin) for name, count in usage.items()}

    def deliver(self, usage: dict[str, int], markers: list[str], *, batch: bool = False) -> None:
        """A reply has reached its client."""
        for counts in ("", "batch_") if batch else ("",):
            self.served[f"{counts}calls"] += 1
            for name, tokens in usage.items():
                self.served[f"{counts}{name}"] += tokens
        self.offered.update(markers)

    def begin(self, params: dict[str, Any]) -> None:
        """A call has come in."""
        self.requests += 1
        self.last = params
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.prompts.append(prompt_characters(params))

    def end(self) -> None:
        """A call is over, whatever became of it."""
        self.in_flight -= 1


def prompt_characters(params: dict[str, Any]) -> int:
    """All that is sent for the model to read: system prompt, messages, schema."""
    schema = (params.get("output_config") or {}).get("format")
    return len(all_text(params)) + (len(orjson.dumps(schema)) if schema else 0)


def _cached_prefix(params: dict[str, Any]) -> str:
    """The system blocks up to the last one that is marked for the cache."""
    system = params.get("system")
    if not isinstance(system, list):
        return ""
    marked = [place for place, block in enumerate(system) if block.get("cache_control")]
    return "".join(block["text"] for block in system[: marked[-1] + 1]) if marked else ""
