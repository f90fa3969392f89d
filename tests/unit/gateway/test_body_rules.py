"""What each route takes for a body."""

from __future__ import annotations

import pytest

from services.gateway.body_rules import LEGACY, LEGACY_WITH_CONVERSATIONS, OURS, PROXIED, Rule, rule_of


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "expected"),
    [
        ("POST", "/imports", b"", {}, OURS),
        ("POST", "/imports", b"user_id=x", {"content-type": "application/json"}, OURS),
        ("POST", "/imports", b"", {"content-type": "application/x-www-form-urlencoded"}, OURS),
        ("POST", "/imports", b"user_id=x&name=a.json", {"content-type": "application/json"}, Rule(7)),
        ("POST", "/imports", b"", {"content-disposition": "attachment"}, Rule(7)),
        ("POST", "/imports", b"", {"content-type": "Application/ZIP; x=y"}, Rule(7)),
        ("POST", "/imports", b"", {"content-type": "multipart/form-data; boundary=x"}, Rule(7)),
        ("PUT", "/imports", b"name=a", {"content-type": "application/zip"}, OURS),
        ("POST", "/imports/x/retry", b"name=a", {"content-type": "application/zip"}, OURS),
        ("POST", "/importsx", b"name=a", {}, PROXIED),
        ("POST", "/k/a/import-full", b"", {}, LEGACY),
        ("POST", "/k/a/b/import-full", b"", {}, PROXIED),
        ("POST", "/import-full/", b"", {}, PROXIED),
        ("GET", "/k/a/process-full", b"", {}, LEGACY_WITH_CONVERSATIONS),
        ("POST", "/", b"", {}, PROXIED),
    ],
)
def test_what_each_route_takes(
    method: str, path: str, query: bytes, headers: dict[str, str], expected: Rule
) -> None:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": method, "path": path, "query_string": query, "headers": sent}
    assert rule_of(scope, 7) == expected
