"""Interrupted at any moment, the same command goes on where it stopped, and nothing is done twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from soulprint.manifest import MANIFEST
from tests.acceptance.at_claude import at, ended, ran, until
from tests.exports.generate import generate
from tests.support.command import facts, report, results
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.forking import ForkedCommand, ForkedSoulprint

KILLS = 8
CONVERSATIONS = 400
START_SECONDS = 0.5
"""About what starting the command adds to a run."""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.zip"
    generate(path, CONVERSATIONS, seed=7)
    return path


def run_of(export: Path, out: Path, user: object) -> tuple[str | Path, ...]:
    return "run", export, "--out", out, "--user", f"resume {user}"


def kill_group(process: ForkedCommand) -> None:
    """kill -9 the command and its workers, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def said(folder: Path) -> list[tuple[str, list[str], str]]:
    """The facts without their ids, which are the user's own."""
    return sorted((fact["statement"], fact["message_ids"], fact["status"]) for fact in facts(folder))


@pytest.mark.slow
def test_killed_at_random_points_a_run_ends_as_if_never_interrupted(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    untouched = tmp_path / "untouched"
    assert forked(*run_of(export, untouched, "untouched")).code == 0
    rng = random.Random(11)
    longest = report(untouched)["seconds"]["total"] + START_SECONDS
    killed = people = 0
    while killed < KILLS:
        process = forked.start(*run_of(export, tmp_path / str(people), people))
        try:
            process.communicate(timeout=rng.uniform(0.05, longest))
        except subprocess.TimeoutExpired:
            kill_group(process)
            killed += 1
        else:  # too late to kill this one: the next person's run, sooner
            assert process.returncode == 0
            people += 1
            longest = max(0.5, longest * 0.9)
    for person in range(people + 1):
        out = tmp_path / str(person)
        final = forked(*run_of(export, out, person))
        assert final.code == 0, final.err
        assert said(out) == said(untouched)
        assert not list(out.glob(".soulprint-*"))
        done = report(out)
        assert (done["status"], done["coverage"]) == ("complete", 1.0)
        assert done["chunks"]["total"] == report(untouched)["chunks"]["total"] == done["chunks"]["ok"]


async def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with fake_claude(latency=0.2) as fake:  # the run is still at it when it is interrupted
        command = at(forked, fake)
        process = command.start(*run_of(export, out, "interrupted"))
        await until(lambda: fake.told()["calls"] >= 3, process)
        os.kill(process.pid, signal.SIGINT)
        interrupted = await ended(process)
        assert interrupted.code == 130, interrupted.err
        assert "goes on where it stopped" in interrupted.err
        assert "Traceback" not in interrupted.err
        assert not (out / "MEMORY.md").exists()
        fake.latency = 0.0
        assert (await ran(command, *run_of(export, out, "interrupted"))).code == 0
    assert report(out)["run"] == 1


@pytest.mark.slow
def test_the_same_export_again_costs_no_extraction_and_gives_the_same_bytes(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert forked(*run_of(export, first, "again")).code == 0
    assert forked(*run_of(export, second, "again")).code == 0
    assert results(first) == results(second)
    again = report(second)
    assert again["run"] == 2
    assert again["chunks"]["cached"] == again["chunks"]["total"] > 0


def test_a_second_run_for_the_same_user_at_the_same_moment_is_refused(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    processes = [forked.start(*run_of(export, tmp_path / name, "both")) for name in ("first", "second")]
    ends = {process: process.communicate(timeout=60) for process in processes}
    codes = sorted(process.code for process in ends)
    # Both may succeed only one after the other, which the run's number tells.
    if codes == [0, 0]:
        assert sorted(report(tmp_path / name)["run"] for name in ("first", "second")) == [1, 2]
    else:
        assert codes == [0, 1]
        (refused,) = [err for process, (_, err) in ends.items() if process.code == 1]
        assert "another run for user" in refused


@pytest.mark.slow
def test_a_result_that_could_not_be_written_is_written_by_the_same_command(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    in_the_way = out / MANIFEST
    in_the_way.mkdir()
    failed = forked(*run_of(export, out, "unwritten"))
    assert failed.code == 1
    assert "the memory is safe in the database" in failed.err
    in_the_way.rmdir()
    assert forked(*run_of(export, out, "unwritten")).code == 0
    assert report(out)["run"] == 1
    assert facts(out)
    assert forked(*run_of(export, out, "unwritten")).code == 0
    assert report(out)["run"] == 2
