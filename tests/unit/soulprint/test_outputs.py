"""The files of a run: whole or not at all, whatever the disk does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import UsageError
from soulprint import outputs

USER = UUID(int=1)

# The system refuses files over 64 KiB in this process: what a full disk does, in a place a test can have.
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from uuid import UUID
from soulprint import outputs
from shared.domain.errors import SoulprintError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    with outputs.staged(Path(sys.argv[1]), UUID(int=1)) as folder:
        (folder / "MEMORY.md").write_text("new")
        (folder / "facts.jsonl").write_bytes(b"x" * 100_000)
except SoulprintError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_leaves_the_old_result_and_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "MEMORY.md").write_text("old")
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert f"cannot write the result to {tmp_path}" in ended.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("MEMORY.md", "old")]


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    stale = tmp_path / f".soulprint-{USER}"
    stale.mkdir()
    (stale / "facts.jsonl").write_text("half")
    with outputs.staged(tmp_path, USER) as folder:
        (folder / "MEMORY.md").write_text("new")
    assert [file.name for file in tmp_path.iterdir()] == ["MEMORY.md"]


def failing(folder: Path) -> None:
    with outputs.staged(folder, USER) as scratch:
        (scratch / "notes.txt").write_text("theirs")
        raise RuntimeError


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RuntimeError):
        failing(tmp_path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("notes.txt", "mine")]


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out"):
        outputs.prepare(tmp_path / "file" / "out")


def told(kept: int, unread: int, languages: dict[str, int]) -> list[str]:
    summary = outputs.summary(
        {
            "status": "complete",
            "error": None,
            "unserved": None,
            "served": None,
            "served_before": None,
            "import_id": str(USER),
            "conversations": {"kept": kept, "skipped_count": 0, "left_out": 0},
            "messages": 2 * kept,
            "facts": {},
            "seconds": {"total": 1.0},
            "chunks": {"dead": 0},
            "breaks": [],
            "unread": {"conversations": unread, "languages": languages},
            "usage": {"calls": 0, "unanswered": 0},
            "cost": 0.0,
        },
        Path("out"),
    )
    return summary.splitlines()


def test_the_last_line_says_that_most_was_not_read() -> None:
    assert told(100, 96, {"Finnish": 60, "Indonesian": 36})[-1] == (
        "96 of 100 conversations were not read, as they are not in English (Finnish, Indonesian): this "
        "memory lacks them. `--model claude` reads every language"
    )
    assert told(3, 2, {})[-1].startswith("2 of 3 conversations were not read, as they are not in English: ")


def test_a_few_unread_conversations_are_told_on_the_way() -> None:
    few = told(100, 7, {"Finnish": 7})
    assert "7 of 100 conversations were not read, as they are not in English (Finnish)" in few
    assert few[-1] == "written to out"
    assert not any("not read" in line for line in told(100, 0, {}))
