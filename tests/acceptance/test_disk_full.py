"""A disk that fills up: every place that writes says so, and nothing is told as complete that is not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.exports.generate import generate
from tests.support.command import Finished, Soulprint, report
from tests.support.forking import ForkedSoulprint, ForkServer

MEGABYTES = 58
"""Room for a database, and not for what it writes ahead: the large export takes 65."""
LARGE, SMALL = 1500, 200
MakeDisk = Callable[[str], Path]


@pytest.fixture
def disk() -> Iterator[MakeDisk]:
    """Makes small disks. Only root may, and not in every container."""
    made: list[Path] = []

    def make(size: str) -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="soulprint-disk-")))
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", made[-1]]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            made.pop().rmdir()
            pytest.skip("no small disk to be had here: mount is refused")
        return made[-1]

    yield make
    for each in made:
        subprocess.run(["umount", "-l", each], check=True)
        each.rmdir()


def generated(folder: Path, conversations: int) -> Path:
    path = folder / "export.zip"
    generate(path, conversations, seed=3)
    return path


def refused(ended: Finished) -> str:
    """What a command said that found no room."""
    assert ended.code == 1, ended.err
    assert "the disk is full" in ended.err
    assert "complete" not in ended.out
    for wrong in ("Traceback", "SQLSTATE 08", "connection was lost", "{"):
        assert wrong not in ended.err, ended.err
    return ended.err


def test_the_disk_of_the_embedded_database(disk: MakeDisk, fork_server: ForkServer, tmp_path: Path) -> None:
    export = generated(tmp_path, LARGE)
    command = ForkedSoulprint(Soulprint(disk(f"{MEGABYTES}m") / "home"), fork_server)
    refused(command("run", export, "--out", tmp_path / "out"))
    assert not any((tmp_path / "out").iterdir())


def test_the_disk_of_the_result_and_then_the_same_command_writes_it(
    disk: MakeDisk, forked: ForkedSoulprint, tmp_path: Path
) -> None:
    out = disk("40k")
    run = ("run", generated(tmp_path, SMALL), "--out", out, "--user", out.name)
    assert "--out" in refused(forked(*run))
    assert not any(out.iterdir())
    subprocess.run(["mount", "-o", "remount,size=20m", out], check=True)
    assert forked(*run).code == 0
    assert report(out)["run"] == 1


def test_the_disk_of_temporary_files(disk: MakeDisk, forked: ForkedSoulprint, tmp_path: Path) -> None:
    nested = tmp_path / "nested.zip"
    with zipfile.ZipFile(nested, "w") as archive:
        archive.write(generated(tmp_path, SMALL), "export.zip")
    settings = (*forked.command.settings, ("TMPDIR", str(disk("40k"))))
    command = replace(forked, command=replace(forked.command, settings=settings))
    assert "TMPDIR" in refused(command("run", nested, "--out", tmp_path / "out"))
    assert not any((tmp_path / "out").iterdir())


def test_where_standard_output_goes(forked: ForkedSoulprint) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with full.open("w") as nowhere:
        ended = subprocess.run(
            [sys.executable, "-m", "soulprint", "users"],
            env=forked.command.environment(),
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    refused(Finished(ended.returncode, "", ended.stderr))
