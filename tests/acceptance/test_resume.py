"""Interrupted at any moment, the same command goes on where it stopped, and nothing is done twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.exports.generate import generate
from tests.support.command import Soulprint, facts, report, results

KILLS = 20
CONVERSATIONS = 400
START_SECONDS = 2.0
"""About what starting the command and the database adds to a run."""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.zip"
    generate(path, CONVERSATIONS, seed=7)
    return path


def kill_group(process: subprocess.Popen[str]) -> None:
    """kill -9 the command and its workers, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def said(folder: Path) -> list[tuple[str, list[str], str]]:
    """The facts without their ids, which are the user's own."""
    return sorted((fact["statement"], fact["message_ids"], fact["status"]) for fact in facts(folder))


def test_killed_at_twenty_random_points_a_run_ends_as_if_never_interrupted(
    soulprint: Soulprint, export: Path, tmp_path: Path
) -> None:
    untouched = tmp_path / "untouched"
    assert soulprint("run", export, "--user", "other", "--out", untouched).code == 0
    rng = random.Random(11)
    longest = report(untouched)["seconds"]["total"] + START_SECONDS
    killed = people = 0
    while killed < KILLS:
        out = tmp_path / str(people)
        process = soulprint.start("run", export, "--user", str(people), "--out", out)
        try:
            process.wait(timeout=rng.uniform(0.3, longest))
        except subprocess.TimeoutExpired:
            kill_group(process)
            killed += 1
        else:  # too late to kill this one: the next person's run, sooner
            process.communicate()
            assert process.returncode == 0
            people += 1
            longest = max(1.0, longest * 0.9)
    for person in range(people + 1):
        out = tmp_path / str(person)
        final = soulprint("run", export, "--user", str(person), "--out", out)
        assert final.code == 0, final.err
        assert said(out) == said(untouched)
        assert not list(out.glob(".soulprint-*"))
        done = report(out)
        assert (done["status"], done["coverage"]) == ("complete", 1.0)
        assert done["chunks"]["total"] == report(untouched)["chunks"]["total"] == done["chunks"]["ok"]


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(
    soulprint: Soulprint, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = soulprint.start("run", export, "--out", out)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "goes on where it stopped" in err
    assert "Traceback" not in err
    assert not (out / "MEMORY.md").exists()
    assert soulprint("run", export, "--out", out).code == 0
    assert report(out)["run"] == 1


def test_the_same_export_again_costs_no_extraction_and_gives_the_same_bytes(
    soulprint: Soulprint, export: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert soulprint("run", export, "--out", first).code == 0
    assert soulprint("run", export, "--out", second).code == 0
    assert results(first) == results(second)
    again = report(second)
    assert again["run"] == 2
    assert again["chunks"]["cached"] == again["chunks"]["total"] > 0


def test_a_second_run_for_the_same_user_at_the_same_moment_is_refused(
    soulprint: Soulprint, export: Path, tmp_path: Path
) -> None:
    first = soulprint.start("run", export, "--out", tmp_path / "first")
    second = soulprint.start("run", export, "--out", tmp_path / "second")
    ends = {process: process.communicate(timeout=60) for process in (first, second)}
    codes = sorted(process.returncode for process in ends)
    # Both may succeed only one after the other, which the run's number tells.
    if codes == [0, 0]:
        assert sorted(report(tmp_path / name)["run"] for name in ("first", "second")) == [1, 2]
    else:
        assert codes == [0, 1]
        (refused,) = [err for process, (_, err) in ends.items() if process.returncode == 1]
        assert "another run for user" in refused
