"""Measures which lines of shared/store tests reach, from before anything is imported: `make coverage` takes
this plugin."""

from __future__ import annotations

from coverage import Coverage

_measured = Coverage()
_measured.start()


def pytest_unconfigure() -> None:
    """Each process leaves a file of its own, which `coverage combine` joins."""
    _measured.stop()
    _measured.save()
