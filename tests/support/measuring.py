"""Measures which lines of shared/store tests reach, from before anything is imported, and which functions
they call over which transport: `make coverage` takes this plugin."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from coverage import Coverage

_measured = Coverage()
_measured.start()


def pytest_unconfigure() -> None:
    """Each process leaves files of its own, which `coverage combine` and scripts/coverage.py join."""
    _measured.stop()
    _measured.save()
    if transports := sys.modules.get("tests.support.transports"):
        calls = Path(f"build/coverage-calls.{os.getpid()}.json")
        calls.write_text(json.dumps(sorted(transports.CALLED)))
