"""The limit on cost: what is under way is set aside at its worst, so that no reply can pass the limit."""

from __future__ import annotations

from shared.domain.errors import CostLimitError
from shared.domain.events import Usage
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.usage import Tally


class Budget:
    """Dollars of one model: spent, set aside, and left."""

    def __init__(self, options: ClaudeOptions, total: Tally) -> None:
        self._options = options
        self._total = total
        self.spent_before = 0.0
        """What counts towards the limit besides `total`."""
        self.reserved = 0.0
        """What is set aside for what is under way."""

    def worst(self, forecast: Usage, *, batch: bool = False) -> float:
        """Dollars that a call costs at worst, 0 without a limit on cost. Raises CostLimitError if no price is
        known."""
        options = self._options
        if options.max_cost is None:
            return 0.0
        most = forecast.model_copy(
            update={
                "output_tokens": options.max_tokens,
                "cache_read_tokens": 0,
                "cache_write_tokens": forecast.cache_read_tokens,
            }
        )
        worst = options.prices.cost(options.model, most, batch=batch)
        if worst is None:
            raise CostLimitError(
                f"the price of {options.model} is not known, so no limit on cost can be kept: "
                "give a price file, or no limit"
            )
        return worst

    def set_aside(self, forecast: Usage, *, batch: bool = False) -> float:
        """Set aside what a call costs at worst; gives the dollars. Raises CostLimitError at the limit."""
        limit = self._options.max_cost
        if limit is None:
            return 0.0
        worst = self.worst(forecast, batch=batch)
        spent = self.spent_before + (self._total.total.cost or 0.0)
        if spent + self.reserved + worst > limit:
            raise CostLimitError(
                f"the next call could pass the limit of ${limit:g}: ${spent:.4f} is spent; "
                "what it bought is kept, and the same command with a higher limit goes on from there"
            )
        self.reserved += worst
        return worst
