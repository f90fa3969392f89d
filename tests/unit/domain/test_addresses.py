from __future__ import annotations

import pytest

from shared.domain.addresses import NO_ADDRESS, kafka_servers, shown_address, web_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://app.example.com/", "https://app.example.com"),
        ("https://example.com:8443/soul//", "https://example.com:8443/soul"),
        ("HTTPS://Example.com", "HTTPS://Example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://app.localhost/", "http://app.localhost"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_address_that_is_taken(text: str, address: str) -> None:
    assert web_address(text) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "such as https"),
        ("app.example.com", "such as https"),
        ("ftp://app.example.com", "such as https"),
        ("https://", "such as https"),
        ("https://:443", "such as https"),
        ("https://example.com:port", "such as https"),
        ("https://example.com:99999", "such as https"),
        ("https://[::1", "such as https"),
        ("https://exa mple.com", "such as https"),
        ("https://example.com\r\nHost: other", "such as https"),
        ("https://example.com\\@other", "such as https"),
        ("https://nora:tango@example.com", "without name"),
        ("https://example.com?key=tango", "without name"),
        ("https://example.com/#tango", "without name"),
        ("http://example.com", "must begin with https"),
        ("http://10.0.0.7:3000", "must begin with https"),
        ("http://localhost.example.com", "must begin with https"),
        ("http://127.0.0.1.example.com", "must begin with https"),
        ("http://0.0.0.0", "must begin with https"),
    ],
)
def test_an_address_that_is_refused_is_not_repeated(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        web_address(text)
    assert "tango" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://tango:tango@api.example.com:8443/tango/v1?tango#tango", "https://api.example.com:8443"),
        ("http://tango@[::1]:3000/", "http://[::1]:3000"),
        ("postgresql://nora:tango@db.example.com/soulprint", "postgresql://db.example.com"),
        ("http://tango:1/2@api.example.com", NO_ADDRESS),
        ("http://tango:12#3@api.example.com", NO_ADDRESS),
        ("http://api?tango@api.example.com", NO_ADDRESS),
        ("tango", NO_ADDRESS),
        ("tango:tango@api.example.com", NO_ADDRESS),
        ("http://[tango", NO_ADDRESS),
        ("http://\x1b[2Jtango", NO_ADDRESS),
        ("", NO_ADDRESS),
    ],
)
def test_of_an_address_nothing_is_shown_that_could_be_a_key(text: str, shown: str) -> None:
    assert shown_address(text) == shown


def test_servers_of_kafka_have_no_name_and_no_password() -> None:
    for text in ("a:9092", "a:9092, b:9092,", "[::1]:9092", ""):
        assert kafka_servers(text) == text
    for text in ("nora:tango@a:9092", "kafka://a:9092", "a:9092?tango", "a b"):
        with pytest.raises(ValueError, match="must be host:port") as refused:
            kafka_servers(text)
        assert "tango" not in str(refused.value)
