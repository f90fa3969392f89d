"""The worst model there may be, and the offline one, with each carrier by itself: `make chaos`. `make test`
has all carriers in one history (tests/acceptance/test_worst_case.py)."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

import tests.support.worst.export  # noqa: F401 - it fills the table of carriers
from tests.support.command import fresh_home
from tests.support.forking import ForkedSoulprint, ForkServer
from tests.support.worst.export import VENDORS
from tests.support.worst.talks import CARRIERS
from tests.support.worst.trial import Trial, tried

SEED = int(os.environ.get("CHAOS_SEED", "1"))
TRIALS = (("claude", True, 0), ("claude", False, 11), ("offline", True, 10))
"""The model, whether it also says what is true, and the seed, from SEED on."""


@pytest.mark.parametrize("carrier", list(CARRIERS))
async def test_a_carrier_alone_brings_nothing_in(
    carrier: str, fork_server: ForkServer, tmp_path: Path
) -> None:
    told = []
    with fresh_home() as command:
        forked = ForkedSoulprint(command, fork_server)
        for vendor, (model, honest, seed) in itertools.product(VENDORS, TRIALS):
            trial = Trial(vendor, model, (carrier,), SEED + seed, honest)
            outcome = await tried(forked, trial, tmp_path)
            assert outcome.finished.code == 0, outcome.finished.err
            told += [f"{trial.name}: {each}" for each in outcome.through + outcome.forged + outcome.unasked]
            told += [f"{trial.name}: lost {each.statement}" for each in outcome.lost]
    assert not told, "\n".join([f"{len(told)}:", *told[:20]])
