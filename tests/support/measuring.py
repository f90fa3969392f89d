"""Which lines of shared/store its tests reach, while all tests run: `COVERAGE=1 make test` takes this plugin.

Only the tests of the store are measured, as they reach it over each of its transports: what others happen to
run says nothing of it, and measuring them takes its time.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from coverage import Coverage

OF_THE_STORE = ("tests/unit/store/", "tests/rest/", "tests/postgres/")
_measured = Coverage()
_measured.start()  # before anything is imported: that reaches lines, too


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """All is imported."""
    _measured.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure a test of the store."""
    if not item.nodeid.startswith(OF_THE_STORE):
        return (yield)
    _measured.start()
    try:
        return (yield)
    finally:
        _measured.stop()


def pytest_unconfigure() -> None:
    """Each process leaves a file of its own, which `coverage combine` joins."""
    _measured.save()
