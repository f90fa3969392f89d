"""The limit on cost: what is under way is set aside at its worst, so that no reply can pass the limit; what
never came back stays counted so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.domain.dollars import dollars, dollars_of
from shared.domain.errors import CostLimitError
from shared.domain.events import Usage
from shared.domain.plurals import counted
from shared.models.claude.options import ClaudeOptions
from shared.models.claude.usage import Tally

ROUNDING = 1e-9
"""Dollars that sums of dollars may be off."""


class Budget:
    """Dollars of one model: billed, feared, set aside, and left. Used from one event loop only."""

    def __init__(self, options: ClaudeOptions, total: Tally) -> None:
        self._options = options
        self._total = total
        self.spent_before = 0.0
        """What counts towards the limit besides `total`."""
        self.reserved = 0.0
        """What is set aside for what is under way, calls and batches."""
        self.unanswered = 0
        """Calls that got no answer."""
        self.feared = 0.0
        """What those may be billed, at worst."""
        self.unstated = 0.0
        """What replies cost by forecast whose server does not say what they took."""
        self._under_way = 0
        self._freed = asyncio.Event()

    @property
    def billed(self) -> float:
        """What is known to be billed, by replies and by forecasts of those that do not say."""
        return self.spent_before + self._total.billed + self.unstated

    def count_in(self, earlier: Usage, typical: Usage) -> None:
        """Earlier spending counts as well: each of its calls that got no answer as a `typical` one at worst,
        and where its cost is not known each call as a typical one."""
        each = self._options.prices.cost(self._options.model, typical) or 0.0
        self.spent_before = earlier.calls * each if earlier.cost is None else earlier.cost
        self.unanswered = earlier.unanswered
        self.feared = earlier.unanswered * (self._worst(typical) or 0.0)

    def lost(self, forecast: Usage) -> None:
        """A call was sent and not answered: it may be billed, whatever it would have said."""
        self.unanswered += 1
        self.feared += self._worst(forecast) or 0.0

    def untold(self, forecast: Usage, output_tokens: int) -> None:
        """A reply of so many tokens did not say what it took."""
        longer = forecast.model_copy(
            update={"output_tokens": max(output_tokens, forecast.output_tokens), "cache_read_tokens": 0,
                    "input_tokens": forecast.input_tokens + forecast.cache_read_tokens}
        )  # fmt: skip
        self.unstated += self._options.prices.cost(self._options.model, longer) or 0.0

    def _worst(self, forecast: Usage, *, batch: bool = False) -> float | None:
        """Dollars that a call costs at worst, None if no price is known."""
        most = forecast.model_copy(
            update={
                "output_tokens": self._options.max_tokens,
                "cache_read_tokens": 0,
                "cache_write_tokens": forecast.cache_read_tokens,
            }
        )
        return self._options.prices.cost(self._options.model, most, batch=batch)

    def worst(self, forecast: Usage, *, batch: bool = False) -> float:
        """Dollars that a call costs at worst, 0 without a limit on cost. Raises CostLimitError if no price is
        known."""
        if self._options.max_cost is None:
            return 0.0
        worst = self._worst(forecast, batch=batch)
        if worst is None:
            raise CostLimitError(
                f"the price of {self._options.model} is not known, so no limit on cost can be kept: "
                "give a price file, or no limit"
            )
        return worst

    def set_aside(self, forecast: Usage, *, batch: bool = False) -> float:
        """Set aside what a call of a batch costs at worst; gives the dollars. Raises CostLimitError at the
        limit."""
        worst = self.worst(forecast, batch=batch)
        if not self._fits(worst):
            raise CostLimitError(self._told(worst))
        self.reserved += worst
        return worst

    @asynccontextmanager
    async def room(self, forecast: Usage) -> AsyncIterator[None]:
        """Hold what a call costs at worst while it is made. While calls are under way it waits for room, as
        most cost far less than what is set aside for them. Raises CostLimitError if none is and there is
        none."""
        worst = self.worst(forecast)
        while not self._fits(worst):
            if not self._under_way:
                raise CostLimitError(self._told(worst))
            await self._freed.wait()
        self.reserved += worst
        self._under_way += 1
        try:
            yield
        finally:
            self.reserved -= worst
            self._under_way -= 1
            self._freed.set()
            self._freed.clear()

    def _fits(self, worst: float) -> bool:
        limit = self._options.max_cost
        return limit is None or self.billed + self.feared + self.reserved + worst <= limit + ROUNDING

    def _told(self, worst: float) -> str:
        """Where the limit's dollars are, for the person."""
        parts = [f"{dollars(self.billed)} is billed"]
        if self.unanswered:
            calls = counted(self.unanswered, "call")
            parts.append(f"{dollars(self.feared)} more may be, for {calls} without an answer")
        if self.reserved > ROUNDING:
            parts.append(f"{dollars(self.reserved)} is set aside for batches under way")
        return (
            f"the next call could pass the limit of {dollars_of(self._options.max_cost or 0.0)}: "
            f"{', '.join(parts)}, and it may cost {dollars(worst)} if its reply is as long as it may be; "
            "what was bought is kept, and the same command with a higher limit goes on from there"
        )
