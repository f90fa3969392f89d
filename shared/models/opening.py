"""The model that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.models.base import Model
from shared.models.choose import make_model
from shared.settings import Settings


@asynccontextmanager
async def opened_model(settings: Settings, *, workers: int | None = None) -> AsyncIterator[Model]:
    """The model for a service, closed with the block; `workers` instead of the setting's.

    A provider that cannot be used raises ModelUnavailableError at once: the service's own lane waits. Raises
    UsageError if the model cannot be had.
    """
    model = make_model(settings, patience=0.0, workers=workers)
    try:
        yield model
    finally:
        await model.close()
