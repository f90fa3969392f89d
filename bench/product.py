"""The product under measurement: `soulprint run` as a process of its own, with a home of its own."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.process import Measured, measure

ROOT = Path(__file__).resolve().parent.parent
SETTINGS_PREFIX = "SOULPRINT_"


class RunFailedError(Exception):
    """The measured command failed; the figure cannot be had."""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run of `soulprint run`."""

    measured: Measured
    out: Path
    """The folder with its result."""
    home: Path
    report: dict[str, Any]

    @property
    def extractions(self) -> int:
        """Chunks that were not answered from the cache."""
        chunks = self.report["chunks"]
        return int(chunks["total"] - chunks["cached"])


def soulprint_run(export: Path, home: Path, out: Path) -> Run:
    """Run `soulprint run` on `export` with default settings. Raises RunFailedError if it fails."""
    measured = measure(
        [str(command()), "run", str(export), "--out", str(out), "--json"], env=environment(home), cwd=ROOT
    )
    if measured.returncode != 0:
        raise RunFailedError(
            f"soulprint run {export.name} ended with {measured.returncode} after {measured.seconds:.1f} s:\n"
            f"{measured.stderr}"
        )
    return Run(measured, out, home, orjson.loads((out / "report.json").read_bytes()))


def environment(home: Path) -> dict[str, str]:
    """This process's environment without anything that would set the product up otherwise."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(SETTINGS_PREFIX) and name not in ("DATABASE_URL", "MODEL")
    }
    return kept | {f"{SETTINGS_PREFIX}HOME": str(home)}


def command() -> Path:
    """The installed `soulprint`."""
    return Path(sys.executable).with_name("soulprint.exe" if os.name == "nt" else "soulprint")
