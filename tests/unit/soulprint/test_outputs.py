"""The files of a run: whole or not at all, whatever the disk does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import SoulprintError, UsageError
from soulprint import outputs
from soulprint.manifest import MANIFEST, replace_all

USER = UUID(int=1)

# The system refuses files over 64 KiB in this process: what a full disk does, in a place a test can have.
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from soulprint import outputs
from shared.domain.errors import SoulprintError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    with outputs.staged(Path(sys.argv[1])) as folder:
        (folder / "MEMORY.md").write_text("new")
        (folder / "facts.jsonl").write_bytes(b"x" * 100_000)
except SoulprintError as error:
    sys.exit(str(error))
"""


def read(folder: Path) -> dict[str, str]:
    """What lies in a folder, without what we know of it."""
    return {file.name: file.read_text() for file in folder.iterdir() if file.name != MANIFEST}


def write(folder: Path, force: bool = False, **texts: str) -> None:
    """What a run does: these texts as files in Markdown."""
    outputs.prepare(folder, force=force)
    with outputs.staged(folder, force=force) as scratch:
        for name, text in texts.items():
            (scratch / f"{name}.md").write_text(text)


def test_a_full_disk_leaves_the_old_result_and_nothing_half_written(tmp_path: Path) -> None:
    with outputs.staged(tmp_path) as scratch:
        (scratch / "MEMORY.md").write_text("old")
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert f"cannot write the result to {tmp_path}" in ended.stderr
    assert read(tmp_path) == {"MEMORY.md": "old"}


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    """Whoever's it was; and what another is at work on stays."""
    stale = tmp_path / ".soulprint-abcdefgh"
    stale.mkdir()
    (stale / "facts.jsonl").write_text("half")
    with outputs.staged(tmp_path) as another, outputs.staged(tmp_path) as folder:
        assert not stale.exists()
        (folder / "MEMORY.md").write_text("new")
        (another / "USER.md").write_text("new")
    assert read(tmp_path) == {"MEMORY.md": "new", "USER.md": "new"}


def test_links_in_the_way_lead_nowhere_and_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    """A link in place of a scratch folder is not ours to follow; what cannot be replaced is told by name."""
    theirs, out = tmp_path / "theirs", tmp_path / "out"
    theirs.mkdir()
    (theirs / "kept").write_text("theirs")
    out.mkdir()
    (out / ".soulprint-link").symlink_to(theirs)
    write(out, MEMORY="new")
    assert (out / ".soulprint-link").is_symlink()
    assert read(theirs) == {"kept": "theirs"}
    (out / MANIFEST).unlink()
    (out / MANIFEST).mkdir()
    with pytest.raises(
        SoulprintError, match=r"\.soulprint\.json: Is a directory.*put right what is in the way"
    ):
        write(out, force=True, USER="new")


def failing(folder: Path) -> None:
    with outputs.staged(folder) as scratch:
        (scratch / "notes.txt").write_text("theirs")
        raise RuntimeError


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RuntimeError):
        failing(tmp_path)
    assert read(tmp_path) == {"notes.txt": "mine"}


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out"):
        outputs.prepare(tmp_path / "file" / "out")


def summary_of(
    kept: int, unread: int, languages: dict[str, int], sentences: dict[str, int] | None = None
) -> list[str]:
    return outputs.summary(
        {
            "status": "complete",
            "error": None,
            "unserved": None,
            "served": None,
            "served_before": None,
            "joined": [],
            "import_id": str(USER),
            "conversations": {"kept": kept, "skipped_count": 0, "left_out": 0},
            "messages": 2 * kept,
            "facts": {},
            "seconds": {"total": 1.0},
            "chunks": {"dead": 0},
            "breaks": [],
            "sentences": sentences or {},
            "unread": {"conversations": unread, "languages": languages},
            "usage": {"calls": 0, "unanswered": 0},
            "cost": 0.0,
        },
        Path("out"),
    )


def test_the_last_line_says_that_most_was_not_read() -> None:
    assert summary_of(100, 96, {"Finnish": 60, "Indonesian": 36})[-1] == (
        "96 of 100 conversations were not read, as they are not in English (Finnish, Indonesian): this "
        "memory lacks them. `--model claude` reads every language"
    )
    assert summary_of(3, 2, {})[-1].startswith(
        "2 of 3 conversations were not read, as they are not in English: "
    )


def test_a_few_unread_conversations_are_told_on_the_way() -> None:
    few = summary_of(100, 7, {"Finnish": 7})
    assert "7 of 100 conversations were not read, as they are not in English (Finnish)" in few
    assert few[-1] == "written to out"
    assert not any("not read" in line for line in summary_of(100, 0, {}))


def test_how_much_was_understood_is_told_and_what_would_find_more() -> None:
    told = "facts were found in 2 of 1,930 sentences about yourself; `--model claude` finds more"
    assert told in summary_of(100, 0, {}, {"about_oneself": 1930, "with_fact": 2})
    assert not any(
        "sentences" in line for line in summary_of(100, 0, {}, {"about_oneself": 0, "with_fact": 0})
    )


def test_our_own_files_are_replaced_and_others_are_refused_before_anything(tmp_path: Path) -> None:
    write(tmp_path, MEMORY="one", USER="one")
    write(tmp_path, MEMORY="two", USER="two")
    write(tmp_path, MEMORY="three")  # a run need not write them all
    write(tmp_path, MEMORY="four", USER="four")
    (tmp_path / "AGENTS.md").write_text("a project's own")
    with pytest.raises(
        UsageError, match=r"nothing was begun: AGENTS.md in .+ was not written.+--force to replace it"
    ):
        outputs.prepare(tmp_path)
    (tmp_path / "USER.md").write_text("edited")
    with pytest.raises(
        UsageError, match=r"USER.md and AGENTS.md in .+ were not written.+ --out.+ replace them"
    ):
        outputs.prepare(tmp_path)
    write(tmp_path, force=True, AGENTS="ours", USER="ours")
    write(tmp_path, AGENTS="ours again")


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder"])
def test_what_is_no_plain_file_is_refused(kind: str, tmp_path: Path) -> None:
    write(tmp_path, MEMORY="ours")
    (tmp_path / "MEMORY.md").rename(tmp_path / "elsewhere.md")
    if kind == "folder":
        (tmp_path / "MEMORY.md").mkdir()
    else:
        target = "elsewhere.md" if kind == "link" else "nowhere.md"
        (tmp_path / "MEMORY.md").symlink_to(tmp_path / target)
    with pytest.raises(UsageError, match=r"MEMORY\.md"):
        outputs.prepare(tmp_path)


def edited_meanwhile(folder: Path) -> None:
    with outputs.staged(folder) as scratch:
        (scratch / "MEMORY.md").write_text("new")
        (scratch / "USER.md").write_text("new")
        (folder / "USER.md").write_text("edited")


def test_a_file_edited_while_the_run_goes_on_is_kept(tmp_path: Path) -> None:
    write(tmp_path, USER="ours")
    outputs.prepare(tmp_path)
    with pytest.raises(SoulprintError, match=r"memory is safe in the database, but not written: USER\.md"):
        edited_meanwhile(tmp_path)
    assert read(tmp_path) == {"USER.md": "edited"}


def test_killed_between_two_files_all_are_known_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, MEMORY="old", USER="old")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "MEMORY.md").write_text("new")
    (scratch / "USER.md").write_text("new")
    replace = os.replace

    def killed(source: Path, destination: Path) -> None:
        if destination.name == "USER.md":
            raise KeyboardInterrupt
        replace(source, destination)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        replace_all(scratch, tmp_path)
    monkeypatch.undo()
    shutil.rmtree(scratch)
    assert read(tmp_path) == {"MEMORY.md": "new", "USER.md": "old"}
    write(tmp_path, MEMORY="newer", USER="newer")
    assert read(tmp_path) == {"MEMORY.md": "newer", "USER.md": "newer"}


def test_a_manifest_that_cannot_be_read_knows_nothing(tmp_path: Path) -> None:
    write(tmp_path, MEMORY="ours")
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(UsageError, match=r"MEMORY\.md"):
        outputs.prepare(tmp_path)
