"""The exports that figures are measured on: generated once, kept in the cache folder of the platform."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from platformdirs import user_cache_path

import tests.exports
from tests.exports.generate import write
from tests.exports.schedule import Options
from tests.exports.truth import Truth, truth_path

AVERAGE_BYTES = 13_780
"""Gives 273 MB at 20,000 conversations of seed 1."""
SOURCES = ("conversations", "generate", "plants", "schedule", "script", "sizes", "tree", "truth", "words")
"""Modules of tests.exports that make an export what it is: another version of one means other exports."""


@dataclass(frozen=True, slots=True)
class Export:
    """A generated export and its truth."""

    path: Path
    truth: Truth


def export_of(options: Options, suffix: str = ".json") -> Export:
    """The export of `options` from the cache, generated if it is not there."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{options.conversations}-{_key(options)}{suffix}"
    if not (path.exists() and truth_path(path).exists()):
        started = time.perf_counter()
        unfinished = folder / f"{os.getpid()}-{path.name}"
        write(unfinished, options)
        truth_path(unfinished).replace(truth_path(path))
        unfinished.replace(path)
        print(f"generated {path.name} in {time.perf_counter() - started:.1f} s", flush=True)
    return Export(path, Truth.load(truth_path(path)))


def cache_folder() -> Path:
    """Where generated exports lie; safe to delete."""
    return user_cache_path("soulprint") / "bench"


def _key(options: Options) -> str:
    digest = hashlib.sha256(orjson.dumps(asdict(options)))
    for name in SOURCES:
        digest.update(Path(tests.exports.__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]
