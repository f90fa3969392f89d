"""Whatever lies on the topics, each record costs only itself, and no neighbour."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.store.store import Store
from tests.support.hostile import Spoilt, Standing, spoilt, standing, sweep
from tests.support.local import LocalSetting


@pytest.fixture
async def services(setting: LocalSetting, store: Store, exports: Path) -> AsyncIterator[Standing]:
    async with standing(setting, store, exports / "small.zip") as found:
        yield found


async def test_an_event_at_the_edge_of_a_type_costs_only_itself(services: Standing) -> None:
    await services.bear(list(sweep()))


@settings(
    max_examples=8,  # `make chaos` has more
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(records=st.lists(spoilt, min_size=30, max_size=30))
async def test_hostile_records_cost_only_themselves(services: Standing, records: Sequence[Spoilt]) -> None:
    await services.bear(records)
