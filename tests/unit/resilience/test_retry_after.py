from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from shared.resilience.retry_after import retry_after


def test_retry_after_is_read_in_all_its_forms() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60))
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after({"retry-after": "7"}) == 7.0
    assert 50 < (retry_after({"retry-after": soon}) or 0) <= 60
    assert retry_after({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}) == 0.0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("nan", 0.0),
        ("-5", 0.0),
        ("1e999", float("inf")),
        ("Mon, 99 Foo 99999 99:99:99 GMT", None),
        ("", None),
    ],
)
def test_retry_after_of_a_server_that_says_nonsense(said: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": said}) == seconds
