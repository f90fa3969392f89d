"""What a person at a terminal sees of a stranger's files: commands as processes, their streams a terminal."""

from __future__ import annotations

import os
import pty
import re
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.command import SECONDS
from tests.support.forking import ForkedSoulprint
from tests.support.hostile_text import FORGED, HOSTILE, commands_in

NAME = f"c \x1b]0;PWNED\x07\n{FORGED} [bold]x.json"


def at_a_terminal(command: ForkedSoulprint, *arguments: str | Path) -> tuple[int | None, str]:
    """Run it with a terminal of its own. Answers its exit code, and what came through."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb", buffering=0) as screen:
        environment = {**command.command.environment(), "TERM": "xterm-256color"}
        process = command.server.command_on(screen, [*map(str, arguments)], environment)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as screen, suppress(OSError):  # EIO: the command has ended
        while some := screen.read(65536):
            shown += some
    process.wait(SECONDS)
    return process.returncode, shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("unpacked", [True, False])
def test_names_of_files_are_text(homeless: ForkedSoulprint, tmp_path: Path, unpacked: bool) -> None:
    """A folder whose file's name sets a title and forges a line; a zip whose member's name is markup."""
    export = tmp_path / "export"
    if unpacked:
        export.mkdir()
        (export / NAME).write_text("{")
    else:
        export = tmp_path / "mark.zip"
        with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("conversations[/bold].json", b" " * 8 * 1024**2)
    code, shown = at_a_terminal(homeless, "run", export, "--out", tmp_path / "out")
    assert code == 2, shown
    assert commands_in(shown, terminal=True) == []
    assert ("[bold]x" if unpacked else "[/bold]") in shown
    assert len(re.findall("^soulprint:", shown, re.MULTILINE)) == 1


@pytest.mark.parametrize("typed", [("run", HOSTILE), ("show", f"--{HOSTILE}"), (HOSTILE,)])
def test_what_was_typed_is_text(homeless: ForkedSoulprint, typed: tuple[str, ...]) -> None:
    code, shown = at_a_terminal(homeless, *typed)
    assert code == 2, shown
    assert commands_in(shown, terminal=True) == []
