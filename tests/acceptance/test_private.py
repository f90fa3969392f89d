"""What commands leave on the disk is the person's alone, whatever their umask."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import SECONDS, Soulprint

EXPORT = Path(__file__).parents[2] / "examples" / "export.zip"
RUNNING = """
import os, sys
os.umask(int(sys.argv.pop(1), 8))
import soulprint.main
soulprint.main.main()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", ["000", "077"])
def test_a_run_leaves_nothing_that_others_may_open(
    shared_home: Soulprint, tmp_path: Path, umask: str
) -> None:
    tmp_path.chmod(0o755)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    (theirs / "notes").touch(0o644)
    (theirs / "notes").chmod(0o644)
    for out in (tmp_path / "new" / "deep" / "out", theirs):
        ended = subprocess.run(
            [sys.executable, "-c", RUNNING, umask, "run", EXPORT, "--out", out, "--user", f"private {umask}"],
            env=shared_home.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        files = [each for each in out.iterdir() if each.name != "notes"]
        assert len(files) >= 9
        assert {each.name: mode(each) for each in files} == dict.fromkeys(
            (each.name for each in files), 0o600
        )
    assert [mode(each) for each in (tmp_path, theirs, theirs / "notes")] == [0o755, 0o755, 0o644]
    new = tmp_path / "new"
    assert [mode(each) for each in (new, new / "deep", new / "deep" / "out")] == [0o700] * 3
    for each in shared_home.home.rglob("*"):
        if each.exists() and not each.is_socket():  # Postgres makes and takes away its own meanwhile
            assert not mode(each) & 0o077, each
    assert mode(shared_home.home) == 0o700
