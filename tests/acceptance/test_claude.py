"""`soulprint run --model claude` as a process, against the stand-in over HTTP: accounts, faults, kills."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.generate import generate
from bench.plants import markers_in
from tests.support.command import Finished, Soulprint, facts, report
from tests.support.fake_claude.faults import OF_THE_ISSUE
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.server import FakeClaude

CONVERSATIONS = 100
LIMIT = "0.02"
"""Dollars. CEILING calls may cost $0.018 at worst, all of the export about $0.012: with as many in flight,
a run stops once some of it is bought."""
CEILING = 4
KILLS = 2
OUTAGE_SECONDS = 1.0
TOKENS = {
    "calls": "calls",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}
"""Names of report.json, and the same of the stand-in's accounts."""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.zip"
    generate(path, CONVERSATIONS, seed=7)
    return path


def at(command: Soulprint, fake: FakeClaude, **more: str) -> Soulprint:
    """The command with Claude as its model, at the stand-in."""
    settings = {
        "SOULPRINT_MODEL": "claude",
        "ANTHROPIC_API_KEY": "test-key",
        "ANTHROPIC_BASE_URL": fake.url,
        "FACT_EXTRACTION_CONCURRENCY": str(CEILING),
        **more,
    }
    return replace(command, settings=tuple(settings.items()))


def run_of(export: Path, out: Path) -> tuple[str | Path, ...]:
    """A run whose user is the test's own."""
    return "run", export, "--out", out, "--user", out.name


async def ran(command: Soulprint, *arguments: str | Path) -> Finished:
    """The command run to its end while the stand-in goes on."""
    return await asyncio.to_thread(command, *arguments)


async def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something to become true while the command runs."""
    while not true():
        assert process.poll() is None, process.communicate()
        await asyncio.sleep(0.01)


async def ended(process: subprocess.Popen[str]) -> Finished:
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    return Finished(process.returncode, out, err)


async def killed(process: subprocess.Popen[str]) -> None:
    """kill -9, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.communicate)


def told_usage(told: dict[str, Any]) -> dict[str, int]:
    """What the stand-in served, named as in report.json."""
    return {ours: told[theirs] for ours, theirs in TOKENS.items()}


def found_markers(folder: Path) -> set[str]:
    return {marker for fact in facts(folder) for marker in markers_in(fact["statement"])}


def offered_markers(fake: FakeClaude) -> set[str]:
    return {marker.lower() for marker in fake.told()["offered"]}


async def test_with_every_fault_at_once_nothing_is_lost_unsaid_and_the_accounts_are_exact(
    shared_home: Soulprint, export: Path, tmp_path: Path
) -> None:
    chances = {str(fault): 0.05 for fault in OF_THE_ISSUE}
    async with fake_claude(chances=chances, seed=3) as fake:
        command = at(
            shared_home,
            fake,
            FACT_EXTRACTION_CONCURRENCY="16",
            MODEL_TIMEOUT="2",
            SOULPRINT_MIN_COVERAGE="0.3",
        )
        finished = await ran(command, *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        chunks = done["chunks"]
        assert len(fake.faults.happened) > 8
        assert chunks["ok"] + chunks["dead"] == chunks["total"] > 20
        assert len(chunks["not_read"]) == chunks["dead"]
        assert all(chunk["reason"] for chunk in chunks["not_read"])
        assert (done["coverage"] == 1.0) == (chunks["dead"] == 0)
        assert offered_markers(fake) <= found_markers(tmp_path)
        assert not any("ghostly" in marker for marker in found_markers(tmp_path))
        assert done["facts"]["dropped_by_reason"]
        assert done["usage"] == told_usage(fake.told())
        assert done["cost"] > 0


async def test_killed_again_and_again_it_pays_twice_for_no_more_than_was_in_flight(
    shared_home: Soulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(latency=0.1, jitter=0.5) as fake:
        command = at(shared_home, fake)
        rng = random.Random(5)
        for _ in range(KILLS):
            before = fake.told()["calls"]
            process = command.start(*run_of(export, tmp_path))
            enough = before + rng.randint(1, 7)
            await until(lambda enough=enough: fake.told()["calls"] >= enough, process)  # type: ignore[misc]
            await killed(process)
        finished = await ran(command, *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        assert (done["run"], done["status"], done["coverage"]) == (1, "complete", 1.0)
        assert offered_markers(fake) <= found_markers(tmp_path)
        served, told = fake.told()["calls"], done["usage"]["calls"]
        needed = done["chunks"]["total"] + 2  # MEMORY and the sections
        assert needed <= served <= needed + CEILING * KILLS
        assert served - CEILING * KILLS <= told <= served


async def test_a_provider_that_goes_away_and_comes_back_costs_no_chunk(
    shared_home: Soulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(latency=0.05) as fake:
        process = at(shared_home, fake).start(*run_of(export, tmp_path))
        await until(lambda: fake.told()["calls"] >= 5, process)
        port = fake.port
        await fake.stop()
        await asyncio.sleep(OUTAGE_SECONDS)
        await fake.start(port)
        until_now = fake.told()["calls"]
        await until(lambda: fake.told()["calls"] >= until_now + 3, process)
        fake.faults.chances = {"no_credit": 1.0}  # type: ignore[dict-item]
        await until(lambda: fake.faults.happened["no_credit"] >= CEILING, process)  # type: ignore[index]
        fake.faults.chances = {}
        finished = await ended(process)
        assert finished.code == 0, finished.err
        assert "model lane paused" in finished.err
        assert "model lane open" in finished.err
        done = report(tmp_path)
        assert (done["status"], done["coverage"], done["chunks"]["dead"]) == ("complete", 1.0, 0)
        assert offered_markers(fake) <= found_markers(tmp_path)
        assert done["usage"] == told_usage(fake.told())


async def test_a_limit_on_cost_stops_the_run_and_a_higher_one_goes_on_from_there(
    shared_home: Soulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(latency=0.2) as fake:
        command = at(shared_home, fake)
        estimate = (await ran(command, *run_of(export, tmp_path), "--dry-run", "--json")).json()
        assert fake.told()["requests"] == 0
        assert estimate["chunks"]["to_read"] == estimate["chunks"]["total"] > 20

        stopped = await ran(command, *run_of(export, tmp_path), "--max-cost", LIMIT)
        assert stopped.code == 1
        assert f"could pass the limit of ${LIMIT}" in stopped.err
        assert "goes on" in stopped.err
        assert not (tmp_path / "report.json").exists()
        bought = fake.told()["calls"]
        assert 0 < bought < estimate["chunks"]["total"]

        again = await ran(command, *run_of(export, tmp_path), "--dry-run", "--json", "--max-cost", "0.001")
        assert (again.code, again.json()["within_max_cost"]) == (1, False)
        assert again.json()["chunks"]["cached"] == bought == fake.told()["calls"]

        finished = await ran(command, *run_of(export, tmp_path), "--max-cost", "5")
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        assert (done["run"], done["coverage"]) == (1, 1.0)
        assert done["usage"] == told_usage(fake.told())
        assert done["usage"]["calls"] == done["chunks"]["total"] + 2  # nothing twice
        for name in ("calls", "input_tokens", "output_tokens", "cost"):
            actual = done["cost"] if name == "cost" else done["usage"][name]
            assert 0.5 * actual < estimate[name] < 12 * actual


async def test_a_batch_is_taken_up_by_the_next_command_and_paid_for_once(
    shared_home: Soulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(batch_looks=2, chances={"errored": 0.1}) as fake:
        command = at(shared_home, fake)
        process = command.start(*run_of(export, tmp_path), "--batch")
        await until(lambda: fake.batches.looked_at >= 1, process)
        await killed(process)
        finished = await ran(command, *run_of(export, tmp_path), "--batch")
        assert finished.code == 0, finished.err
        done, told = report(tmp_path), fake.told()
        assert (done["run"], done["coverage"]) == (1, 1.0)
        assert done["usage"] == told_usage(told)
        assert told["batch"]["calls"] > 0.5 * done["chunks"]["total"]
        assert told["calls"] == done["chunks"]["total"] + 2
        assert offered_markers(fake) <= found_markers(tmp_path)


@pytest.mark.parametrize(
    ("settings", "chances", "says"),
    [
        ({"ANTHROPIC_API_KEY": "wrong-key"}, {}, "API key is refused (401): set ANTHROPIC_API_KEY"),
        ({"SOULPRINT_CLAUDE_MODEL": "claude-nothing"}, {}, "knows no model 'claude-nothing' (404): set SOUL"),
        ({}, {"html": 1.0}, "answers with a web page or the like, not as the API does: set ANTHROPIC_BASE_"),
    ],
)
async def test_a_wrong_set_up_ends_the_run_with_what_to_set_and_the_run_goes_on_once_it_is(
    shared_home: Soulprint,
    export: Path,
    tmp_path: Path,
    settings: dict[str, str],
    chances: dict[str, float],
    says: str,
) -> None:
    async with fake_claude(chances=chances) as fake:
        command = at(shared_home, fake, SOULPRINT_MODEL_PATIENCE="0", **settings)
        refused = await ran(command, *run_of(export, tmp_path))
        assert refused.code == 1
        assert says in refused.err
        assert "the same command goes on" in refused.err
        assert "Traceback" not in refused.err
        assert "wrong-key" not in refused.err
        if "ANTHROPIC_API_KEY" in settings:
            finished = await ran(at(shared_home, fake), *run_of(export, tmp_path))
            assert finished.code == 0, finished.err
            assert report(tmp_path)["run"] == 1


@pytest.mark.parametrize(
    ("settings", "arguments", "says"),
    [
        ({"ANTHROPIC_API_KEY": ""}, (), "no API key: set ANTHROPIC_API_KEY"),
        ({"SOULPRINT_MODEL_PRICES": "README.md"}, (), "the price file README.md is wrong"),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_is_sent(
    shared_home: Soulprint,
    export: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    async with fake_claude() as fake:
        command = at(shared_home, fake, **settings)
        refused = await ran(command, *run_of(export, tmp_path), *arguments)
        assert refused.code == 2
        assert says in refused.err
        assert "Traceback" not in refused.err
        assert fake.told()["requests"] == 0


async def test_doctor_says_that_there_is_a_key_and_never_which(shared_home: Soulprint) -> None:
    async with fake_claude() as fake:
        finished = await ran(at(shared_home, fake, ANTHROPIC_API_KEY="tango-secret"), "doctor", "--json")
        (check,) = [check for check in finished.json() if check["name"] == "model"]
        assert check["ok"]
        assert "the key is set" in check["found"]
        assert "tango-secret" not in finished.out + finished.err
