"""What calls cost: read from every reply, good or bad, and added up."""

from __future__ import annotations

from dataclasses import dataclass, field

from anthropic.types import Message

from shared.domain.bounds import WHOLE
from shared.domain.events import Usage
from shared.models.claude.prices import PriceTable


def usage_of(message: Message, model: str, prices: PriceTable, *, batch: bool = False) -> Usage:
    """The usage that a reply states. Servers that state none, or nonsense, count as a call of 0 tokens."""
    stated = getattr(message, "usage", None)
    tokens = Usage(
        calls=1,
        input_tokens=_count(stated, "input_tokens"),
        output_tokens=_count(stated, "output_tokens"),
        cache_read_tokens=_count(stated, "cache_read_input_tokens"),
        cache_write_tokens=_count(stated, "cache_creation_input_tokens"),
    )
    return tokens.model_copy(update={"cost": prices.cost(model, tokens, batch=batch)})


def _count(stated: object, name: str) -> int:
    value = getattr(stated, name, None)
    return min(value, WHOLE) if isinstance(value, int) and value > 0 else 0


@dataclass(slots=True)
class Tally:
    """Usage as it adds up over the calls of one task, and of the whole model."""

    total: Usage = field(default_factory=Usage)
    whole: Tally | None = None
    """The tally of which this one is a part."""

    def add(self, usage: Usage) -> None:
        """Count one reply."""
        self.total += usage
        if self.whole is not None:
            self.whole.add(usage)
