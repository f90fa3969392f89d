"""Hostile records by the thousand: see tests/pipeline/test_hostile_events.py."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from shared.store.store import Store
from tests.support.exports import exports
from tests.support.hostile import Spoilt, Standing, spoilt, standing
from tests.support.local import LocalSetting

__all__ = ["exports"]
ROUNDS = 400
SEED = int(os.environ.get("CHAOS_SEED", "1"))


@pytest.fixture
async def services(database: str, store: Store, exports: Path) -> AsyncIterator[Standing]:
    setting = LocalSetting(database, exports, changes={"extract_workers": 0})
    async with standing(setting, store, exports / "small.zip") as found:
        yield found


@seed(SEED)
@settings(
    max_examples=ROUNDS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(records=st.lists(spoilt, min_size=30, max_size=30))
async def test_hostile_records_cost_only_themselves(services: Standing, records: Sequence[Spoilt]) -> None:
    await services.bear(records)
