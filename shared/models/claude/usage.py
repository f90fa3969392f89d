"""What calls cost: read from every reply, good or bad, and added up."""

from __future__ import annotations

from dataclasses import dataclass, field

from anthropic.types import Message

from shared.domain.bounds import WHOLE
from shared.domain.events import Usage
from shared.domain.text import estimate_tokens
from shared.models.claude.prices import PriceTable


def usage_of(message: Message, model: str, prices: PriceTable, *, batch: bool = False) -> Usage:
    """The usage that a reply states. Of servers that state none, or nonsense, the cost is not known, as no
    prompt takes 0 tokens."""
    stated = getattr(message, "usage", None)
    tokens = Usage(
        calls=1,
        input_tokens=_count(stated, "input_tokens"),
        output_tokens=_count(stated, "output_tokens"),
        cache_read_tokens=_count(stated, "cache_read_input_tokens"),
        cache_write_tokens=_count(stated, "cache_creation_input_tokens"),
    )
    stated_in = tokens.input_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens
    cost = prices.cost(model, tokens, batch=batch) if stated_in else None
    return tokens.model_copy(update={"cost": cost})


def length_of(message: Message) -> int:
    """Tokens of a reply whose server does not say how many they are, by its words."""
    words = (getattr(block, kind, None) for block in message.content for kind in ("text", "thinking"))
    return sum(estimate_tokens(text) for text in words if isinstance(text, str))


def _count(stated: object, name: str) -> int:
    value = getattr(stated, name, None)
    return min(value, WHOLE) if isinstance(value, int) and value > 0 else 0


@dataclass(slots=True)
class Tally:
    """Usage as it adds up over the calls of one task, and of the whole model."""

    total: Usage = field(default_factory=Usage)
    whole: Tally | None = None
    """The tally of which this one is a part."""
    billed: float = 0.0
    """Dollars of all whose cost is known, also where others' is not."""

    def add(self, usage: Usage) -> None:
        """Count one reply."""
        self.total += usage
        self.billed += usage.cost or 0.0
        if self.whole is not None:
            self.whole.add(usage)
