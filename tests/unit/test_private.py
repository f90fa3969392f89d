"""What the product writes is its owner's alone, whatever the umask; nothing writes but by shared.private."""

from __future__ import annotations

import ast
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import private

ROOT = Path(__file__).parents[2]
PREFIX = "soulprint-copy-"
HOLDER = f"""
import sys, time
from pathlib import Path
from shared.private import held_folder
with held_folder({PREFIX!r}, Path(sys.argv[1])) as folder:
    (folder / "export").write_bytes(b"the words of a person")
    print(folder, flush=True)
    sys.stdin.read()
"""

FORKING = f"""
import os, signal, sys
from pathlib import Path
from shared.private import held_folder
with held_folder({PREFIX!r}, Path(sys.argv[1])) as folder:
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("_umask")
def test_folders_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "a" / "b"
    private.make_folder(folder)
    private.make_folder(folder)
    private.write_whole(folder / "c" / "whole", b"1")
    with private.new_file(folder / "new") as file:
        file.write(b"1")
    os.close(private.open_lock(folder / "lock"))
    os.close(private.open_new(folder / "begun"))
    with private.held_folder("held-", folder) as held:
        found = [each for each in tmp_path.rglob("*") if each.is_dir()]
        assert {mode(each) for each in found} == {0o700}
        assert len(found) == 4
    assert not held.exists()
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {mode(each) for each in files} == {0o600}
    assert len(files) == 4
    assert mode(tmp_path) == 0o755


def test_what_exists_keeps_its_mode_and_what_is_written_anew_is_private(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    for name in ("by us", "lock", "of others"):
        (theirs / name).write_text("old")
        (theirs / name).chmod(0o644)
    with (theirs / "by us").open() as seen_by_another:
        private.write_whole(theirs / "by us", b"new")
        with private.new_file(theirs / "by us") as file:
            file.write(b"newer")
        assert seen_by_another.read() == "old"
    os.close(private.open_lock(theirs / "lock"))
    assert [mode(theirs / name) for name in ("by us", "lock", "of others")] == [0o600, 0o600, 0o644]
    assert mode(theirs) == 0o755
    assert (theirs / "by us").read_text() == "newer"


def test_links_are_replaced_or_refused_and_never_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("theirs")
    target.chmod(0o644)
    link.symlink_to(target)
    with pytest.raises(OSError, match="link"):
        private.open_lock(link)
    with pytest.raises(FileExistsError):
        private.open_new(link)
    with private.new_file(link) as file:
        file.write(b"ours")
    assert (target.read_text(), mode(target)) == ("theirs", 0o644)
    assert (link.read_text(), mode(link)) == ("ours", 0o600)


def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((FileExistsError, NotADirectoryError)):
        private.make_folder(tmp_path / "file")
    with pytest.raises((FileExistsError, NotADirectoryError)):
        private.make_folder(tmp_path / "file" / "below")


def holder(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a folder within this one."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_held_is_swept_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    (dead, left), (living, kept) = holder(tmp_path), holder(tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(theirs)
    (tmp_path / f"{PREFIX}file").touch()
    (tmp_path / "soulprint-other").mkdir()
    try:
        assert private.sweep(PREFIX, tmp_path) == 0
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert (left / "export").exists()
        with private.held_folder(PREFIX, tmp_path) as mine:
            assert private.sweep(PREFIX, tmp_path) == 1
            assert not left.exists()
            assert (kept / "export").exists()
            assert mine.exists()
        assert living.communicate("")[0] == ""
        assert sorted(each.name for each in tmp_path.iterdir()) == [
            f"{PREFIX}file", f"{PREFIX}link", "soulprint-other", "theirs",
        ]  # fmt: skip
        assert (theirs / "file").exists()
    finally:
        for process in (dead, living):
            process.kill()
            process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can make what is another's")
def test_what_is_another_accounts_stays(tmp_path: Path) -> None:
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 1, 1)
    assert private.sweep(PREFIX, tmp_path) == 0
    assert private.sweep(PREFIX, tmp_path / "none") == 0
    assert theirs.exists()


def test_a_child_that_reads_on_keeps_what_its_parent_held(tmp_path: Path) -> None:
    """A reading is a process of its own: while it lives its file stays, although who began it was killed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", FORKING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.wait(60) == -signal.SIGKILL
    assert private.sweep(PREFIX, tmp_path) == 0
    parent.communicate(b"")  # the child reads its end, and ends
    assert private.sweep(PREFIX, tmp_path) == 1


WRITES = {
    "mkdir", "makedirs", "write_text", "write_bytes", "touch", "mkdtemp", "mkstemp", "NamedTemporaryFile",
    "TemporaryDirectory", "SpooledTemporaryFile", "copyfile", "copy2", "copytree", "mkfifo", "mknod",
    "chmod", "umask", "O_CREAT",
}  # fmt: skip
"""Names by which files and folders are made. A TemporaryFile has no name that anybody could open it by."""
ALLOWED = {
    ("shared/postgres/binaries.py", "copytree"): "programs, for the account that root runs them as",
    ("shared/postgres/binaries.py", "chmod"): "the same",
    ("shared/postgres/sockets.py", "mkdir"): "within the data folder, which may be another account's",
    ("shared/workers/child.py", "open"): "what the kernel shows of a process as a file",
}


def opened_to_write(call: ast.Call) -> bool:
    """Whether it is `open(path, mode)` or `path.open(mode)` with a mode that writes."""
    bare = isinstance(call.func, ast.Name)
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    modes = [*call.args[bare : bare + 1], *(each.value for each in call.keywords if each.arg == "mode")]
    values = [each.value for each in modes if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return name == "open" and any(set(mode) & set("wax+") and set(mode) <= set("rwaxbt+") for mode in values)


def writes(source: str) -> Iterator[tuple[str, int]]:
    """What a file makes files by, and in which line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and opened_to_write(node):
            yield "open", node.lineno
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name == "copy" and isinstance(node, ast.Attribute) and ast.unparse(node.value) == "shutil":
            yield name, node.lineno
        if name in WRITES and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
            yield name, node.lineno


def test_nothing_else_makes_files_or_folders() -> None:
    found, used = list[str](), set[tuple[str, str]]()
    for path in sorted(
        each for room in ("shared", "services", "soulprint") for each in (ROOT / room).rglob("*.py")
    ):
        file = str(path.relative_to(ROOT))
        if file == "shared/private.py":
            continue
        for name, line in writes(path.read_text("utf-8")):
            used.add((file, name))
            if (file, name) not in ALLOWED:
                found.append(f"{file}:{line}: {name}")
    assert not found, "make it by shared/private.py: " + ", ".join(found)
    assert used >= ALLOWED.keys(), "one that is allowed is there no more"


@pytest.mark.parametrize(
    "source",
    ["open('a', 'w')", "open('a', mode='ab')", "Path('a').open('x')", "p.open('r+b')", "p.write_text('a')",
     "os.open('a', os.O_WRONLY | os.O_CREAT)", "tempfile.mkdtemp()", "p.mkdir()",
     "shutil.copyfile('a', 'b')"],
)  # fmt: skip
def test_such_would_be_found(source: str) -> None:
    assert list(writes(source))


@pytest.mark.parametrize(
    "source", ["open('a')", "p.open('rb')", "archive.open(entry)", "tempfile.TemporaryFile()"]
)
def test_such_is_no_writing(source: str) -> None:
    assert not list(writes(source))
