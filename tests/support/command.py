"""The `soulprint` command as a process, as a person would start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soulprint.manifest import MANIFEST
from tests.support.guard import guarded_home

SECONDS = 120
"""No command of a test takes longer, unless it hangs."""


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Soulprint:
    """Commands over one SOULPRINT_HOME."""

    home: Path
    settings: tuple[tuple[str, str], ...] = ()

    def environment(self) -> dict[str, str]:
        """What its processes see."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SOULPRINT_")}
        return {**kept, "SOULPRINT_HOME": str(self.home), **dict(self.settings)}

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "soulprint", *map(str, arguments)],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str | Path) -> Finished:
        """Run a command to its end."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Finished(process.returncode, out, err)


@contextmanager
def fresh_home() -> Iterator[Soulprint]:
    """The command over a home of its own, whose server is stopped in the end, whatever was killed.

    Not below pytest's folder: as root, the server runs under another account, and a second pytest session
    would close that folder to it.
    """
    with tempfile.TemporaryDirectory(prefix="soulprint-test-") as folder:
        command = Soulprint(Path(folder) / "home")
        with guarded_home(command.home):
            yield command
        if command.home.exists():
            command(
                "doctor"
            )  # whoever comes last stops the server, even one that killed commands left behind


def results(folder: Path) -> dict[str, bytes]:
    """The files a run left that must be equal in equal runs."""
    varying = ("report.json", MANIFEST)  # the manifest has the report's hash
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name not in varying}


def facts(folder: Path) -> list[dict[str, Any]]:
    """The facts a run left."""
    return [json.loads(line) for line in (folder / "facts.jsonl").read_text("utf-8").splitlines()]


def report(folder: Path) -> Any:
    """The report a run left."""
    return json.loads((folder / "report.json").read_text("utf-8"))
