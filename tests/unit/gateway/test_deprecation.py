"""How a route says that it will end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.gateway.deprecation import deprecation_headers
from services.gateway.legacy_models import ImportFull, told
from shared.domain.bounds import INT4

SINCE = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def headers(since: datetime | None, until: datetime | None) -> dict[str, str]:
    return dict(deprecation_headers(since, until, successor="/new", about="/about"))


def test_what_is_not_deprecated_says_nothing() -> None:
    assert headers(None, None) == {}


def test_since_when_and_until_when() -> None:
    """A structured date, and one of HTTP, whatever zone they are given in."""
    link = '</new>; rel="successor-version", </about>; rel="deprecation"'
    assert headers(SINCE, None) == {"Deprecation": "@1767323045", "Link": link}
    until = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert headers(SINCE.astimezone(timezone(timedelta(hours=-7))), until) == {
        "Deprecation": "@1767323045",
        "Link": link,
        "Sunset": "Sat, 28 Feb 2026 23:30:00 GMT",
    }


@pytest.mark.parametrize(
    ("count", "kept"), [(None, None), (0, None), (-1, None), (1, 1), (INT4, INT4), (INT4 + 1, None)]
)
def test_a_count_is_kept_where_it_can_be_one(count: int | None, kept: int | None) -> None:
    assert told(count) == kept


@pytest.mark.parametrize(
    "user", ["", "5e0f1a526b7c4f7e9d558a2f6c1b7e42", "{%s}", "urn:uuid:%s", "%s\n", "%s "]
)
def test_a_user_is_named_by_a_uuid_as_it_is_written(user: str) -> None:
    written = "5E0F1A52-6b7c-4f7e-9d55-8a2f6c1b7e42"
    assert ImportFull(user_id=written, storage_path="a/b").user_id == written
    with pytest.raises(ValueError, match="valid UUID"):
        ImportFull(user_id=user.replace("%s", written), storage_path="a/b")
