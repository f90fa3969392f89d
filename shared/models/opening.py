"""The model that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import UsageError
from shared.models.base import Model
from shared.settings import Settings


@asynccontextmanager
async def opened_model(settings: Settings, *, workers: int | None = None) -> AsyncIterator[Model]:
    """The model, closed with the block; `workers` instead of the setting's. Raises UsageError if it cannot
    be had."""
    if settings.model == "claude":
        raise UsageError("the model claude comes with a later version; set SOULPRINT_MODEL=offline")
    from shared.models.offline.model import OfflineModel

    model = OfflineModel(workers=settings.extract_workers if workers is None else workers)
    try:
        yield model
    finally:
        await model.close()
