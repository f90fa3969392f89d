"""What of headers and targets is passed on."""

from __future__ import annotations

import pytest

from services.gateway.passing import located, target, to_backend, to_caller

BASE = "https://old.example:8443/v1"


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("https://old.example:8443/v1/query?a=b#c", "/query?a=b#c"),
        ("http://OLD.example:8443/v1/query", "/query"),
        ("https://old.example:8443/v1", "/"),
        ("https://old.example:8443/v1/", "/"),
        ("https://old.example:8443/v10/query", None),
        ("https://old.example:8443/other", None),
        ("https://old.example:8443/v1//evil.example/", None),
        ("https://old.example/v1/query", None),
        ("https://evil.example/v1/query", None),
        ("https://old.example:8443@evil.example/v1/query", None),
        ("//old.example:8443/v1/query", None),
        ("/v1/query", None),
        ("query", None),
        ("javascript://old.example:8443/v1/x", None),
        ("https://[bad/v1", None),
        ("https://old.example:8443/v1/\xe9", None),
    ],
)
def test_redirects_below_the_backends_address_lead_here(location: str, leads_to: str | None) -> None:
    said = location.encode("latin-1")
    assert located(said, BASE) == (said if leads_to is None else leads_to.encode())


def test_a_target_stands_below_the_backends_address() -> None:
    assert target(BASE, b"/a%2F..//", b"b=%20") == b"/v1/a%2F..//?b=%20"
    assert target("http://old", b"/", b"") == b"/"
    assert target(BASE, b"http://evil.example/a", b"") is None
    assert target(BASE, b"*", b"") is None
    assert target(BASE, b"", b"") is None


def test_a_body_has_one_length() -> None:
    both = [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")]
    assert to_backend(both, b"old") == [
        (b"host", b"old"), (b"transfer-encoding", b"chunked"), (b"x-soulprint-hop", b"1")
    ]  # fmt: skip
    assert to_caller([(b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked")], BASE) == []


def test_a_header_of_several_values_keeps_them_in_order() -> None:
    several = [(b"x-a", b"2"), (b"x-b", b"1"), (b"x-a", b"1")]
    assert to_backend(several, b"old")[1:-1] == several
    assert to_caller(several, BASE) == several


def test_connection_cannot_take_away_what_a_body_is_read_by() -> None:
    headers = [(b"connection", b"Content-Length, HOST , x-a"), (b"content-length", b"3"), (b"x-a", b"1")]
    assert to_backend(headers, b"old") == [
        (b"host", b"old"), (b"content-length", b"3"), (b"x-soulprint-hop", b"1")
    ]  # fmt: skip
