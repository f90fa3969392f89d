"""The model that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.models.base import Model
from shared.models.choose import make_model
from shared.settings import Settings


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
