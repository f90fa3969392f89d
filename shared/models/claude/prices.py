"""What tokens cost: one dated table, which a file may replace. An unknown model has no price, never 0."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError

from shared.domain.discreet import Discreet
from shared.domain.errors import UsageError, system_reason
from shared.domain.events import Usage

TABLE = Path(__file__).with_name("prices.json")
_MILLION = 1_000_000


class Rates(Discreet):
    """US dollars a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_read: float = Field(ge=0)
    cache_write: float = Field(ge=0)


class LongPrompt(Rates):
    """The rates of a call whose whole prompt, cached parts included, has more than `tokens`."""

    tokens: int = Field(gt=0)


class ModelPrice(Rates):
    """What one model costs."""

    batch_factor: float = Field(default=0.5, gt=0, le=1)
    """What Message Batches cost of it."""
    above: LongPrompt | None = None


class PriceTable(Discreet):
    """All prices of a day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dated: date
    source: str = ""
    unit: str = ""
    models: dict[str, ModelPrice]

    def cost(self, model: str, usage: Usage, *, batch: bool = False) -> float | None:
        """Dollars of one call with the tokens of `usage`, None for a model that the table does not name."""
        price = self.models.get(model)
        if price is None:
            return None
        prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        rates: Rates = price.above if price.above is not None and prompt > price.above.tokens else price
        dollars = (
            usage.input_tokens * rates.input
            + usage.output_tokens * rates.output
            + usage.cache_read_tokens * rates.cache_read
            + usage.cache_write_tokens * rates.cache_write
        ) / _MILLION
        return dollars * price.batch_factor if batch else dollars

    def each(self, model: str) -> dict[str, float] | None:
        """Dollars for one token of each kind, by its name in Usage; None for a model without a price."""
        price = self.models.get(model)
        if price is None:
            return None
        return {
            "input_tokens": price.input / _MILLION,
            "output_tokens": price.output / _MILLION,
            "cache_read_tokens": price.cache_read / _MILLION,
            "cache_write_tokens": price.cache_write / _MILLION,
        }


def load_prices(path: Path | None = None) -> PriceTable:
    """The built-in table, with the models of the file at `path` put over it.

    Raises UsageError if that file is wrong.
    """
    built_in = PriceTable.model_validate_json(TABLE.read_bytes())
    if path is None:
        return built_in
    try:
        given = PriceTable.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"the price file {path} cannot be read: {system_reason(error)}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"the price file {path} is wrong at {place}: {first['msg']}; "
            f"it must look like {TABLE.name} in docs/models.md, or unset SOULPRINT_MODEL_PRICES"
        ) from None
    return given.model_copy(update={"models": {**built_in.models, **given.models}})
