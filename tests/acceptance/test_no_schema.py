"""`soulprint run` at servers that keep to no schema, or do not know how one is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.at_claude import at, ran, run_of
from tests.exports.generate import generate
from tests.support.command import report
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.forking import ForkedSoulprint


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.zip"
    generate(path, 30, seed=7)
    return path


async def test_a_model_that_never_keeps_to_the_schema_ends_the_run_and_the_next_model_goes_on(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(chances={"tool_use": 1.0}) as fake:
        finished = await ran(at(forked, fake), *run_of(export, tmp_path))
        assert finished.code == 1
        assert sum(line.startswith("soulprint: ") for line in finished.err.splitlines()) == 1
        assert "none of 4 replies" in " ".join(finished.err.split())
        assert fake.accounts.requests == 4
        fake.faults.chances = {}
        finished = await ran(at(forked, fake), *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        assert report(tmp_path)["coverage"] == 1.0


async def test_a_server_that_knows_no_structured_output_is_asked_without_it(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude() as fake:
        fake.refuses = {"output_config", "thinking"}
        finished = await ran(at(forked, fake), *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        assert (done["coverage"], done["fallbacks"]) == (1.0, [])
