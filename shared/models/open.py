"""The model that the settings name, made for whoever runs it: the command line or a service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

from shared.domain.errors import UsageError
from shared.models.base import Model
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.models.claude.options import ClaudeOptions


def make_model(
    settings: Settings,
    *,
    max_cost: float | None = None,
    patience: float | None = None,
    workers: int | None = None,
) -> Model:
    """The model of the settings; whoever asked closes it.

    `patience` and `workers` stand for the settings' MODEL_PATIENCE and EXTRACT_WORKERS; a service with a lane
    of its own gives patience 0. `max_cost` is in dollars and binds a model that costs something. Raises
    UsageError where there is no key, a wrong price file or address, or a limit without a price.
    """
    if settings.model == "claude":
        from shared.models.claude.model import ClaudeModel

        options = claude_options(settings, max_cost=max_cost, patience=patience)
        if max_cost is not None and options.model not in options.prices.models:
            raise UsageError(
                f"the price of {options.model} is not known, so no limit on cost can be kept: set "
                "SOULPRINT_MODEL_PRICES to a file that names it, or give no limit"
            )
        return ClaudeModel(options)
    from shared.models.rules.model import OfflineModel

    return OfflineModel(workers=settings.extract_workers if workers is None else workers)


@asynccontextmanager
async def opened_model(
    settings: Settings,
    *,
    max_cost: float | None = None,
    patience: float | None = None,
    workers: int | None = None,
) -> AsyncIterator[Model]:
    """The model of `make_model`, which explains the arguments, closed with the block."""
    model = make_model(settings, max_cost=max_cost, patience=patience, workers=workers)
    try:
        yield model
    finally:
        await model.close()


def provider_of(settings: Settings) -> str:
    """A short name of where the settings' calls go: what is open there is open nowhere else."""
    return blake2b((settings.anthropic_base_url or "").encode(), digest_size=4).hexdigest()


def claude_options(
    settings: Settings, *, max_cost: float | None = None, patience: float | None = None
) -> ClaudeOptions:
    """What the settings say of Claude. Raises UsageError for a wrong price file."""
    from shared.models.claude.options import CallPolicy, ClaudeOptions, LanePolicy
    from shared.models.claude.prices import load_prices

    key = settings.anthropic_api_key
    return ClaudeOptions(
        model=settings.claude_model,
        api_key=(key.get_secret_value() or None) if key is not None else None,
        base_url=settings.anthropic_base_url or None,
        concurrency=settings.fact_extraction_concurrency,
        tokens_per_minute=settings.model_tpm,
        max_tokens=settings.model_max_tokens,
        timeout=settings.model_timeout,
        max_cost=max_cost,
        prices=load_prices(settings.model_prices),
        retry=CallPolicy(deadline=settings.model_chunk_deadline),
        lane=LanePolicy(patience=settings.model_patience if patience is None else patience),
    )
