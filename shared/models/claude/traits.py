"""What differs between models: how to ask for little thinking, and what a cached prefix must measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """One model's particulars (vendor's documentation, looked up 2026-11-23)."""

    least_cached_tokens: int | None = None
    """Shortest prefix that the prompt cache keeps; None: do not ask for caching."""
    thinks_unless_told: bool = False
    """Thinks by default and takes `thinking: disabled`."""
    effort: str | None = None
    """`output_config.effort` to ask for; None: the model knows no effort."""
    thinking: tuple[int, int, int] = (0, 0, 1000)
    """Tokens that it thinks before a reply, at what is asked for: at least, as a rule, at most. They are
    billed as output, and a reply has so much less room."""
    token_margin: float = 1.3
    """It counts about so many tokens for each that `estimate_tokens` does."""

    def parameters(self) -> dict[str, Any]:
        """Parameters that make the model answer at the least cost: facts need reading, not reasoning."""
        return {"thinking": {"type": "disabled"}} if self.thinks_unless_told else {}


NONE = (0, 0, 0)
_TRAITS = {
    "claude-haiku-5-5": ModelTraits(512, thinks_unless_told=True, effort="low", thinking=NONE),
    "claude-sonnet-5-5": ModelTraits(1024, effort="low", thinking=(0, 200, 1000)),
    "claude-haiku-4-5": ModelTraits(4096, thinking=NONE, token_margin=1.0),
}
_UNKNOWN = ModelTraits(thinks_unless_told=True)


def traits_of(model: str) -> ModelTraits:
    """The traits of a model. One that is not known (a local server's) is told not to think: Ollama has it
    think unless it is told, and what it thinks counts as its reply. Where a server does not know the
    parameter, calls go without."""
    return _TRAITS.get(model, _UNKNOWN)
