from __future__ import annotations

import pytest

from shared.domain.addresses import (
    NO_ADDRESS,
    goes_in_clear,
    host_name,
    kafka_servers,
    server_address,
    shown_address,
)


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
    assert server_address(text) == address


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
    ],
)
def test_an_address_that_is_refused_is_not_repeated(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        server_address(text)
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


@pytest.mark.parametrize(
    ("address", "in_clear"),
    [
        ("https://example.com", False),
        ("http://localhost:3000", False),
        ("http://app.localhost", False),
        ("http://127.0.0.1:3000", False),
        ("http://[::1]:3000", False),
        ("http://kong:8000", False),
        ("HTTP://KONG:8000", False),
        ("http://[fd00::7]", False),
        ("http://example.com", True),
        ("HTTP://example.com", True),
        ("http://10.0.0.7:3000", True),
        ("http://localhost.example.com", True),
        ("http://127.0.0.1.example.com", True),
        ("http://0.0.0.0", True),
        ("http://kong.example.com", True),
        ("http://kong@example.com", True),
        ("http://[::", False),
        ("", False),
    ],
)
def test_what_can_be_read_on_the_way(address: str, in_clear: bool) -> None:
    assert goes_in_clear(address, ("kong", "fd00::7")) is in_clear


@pytest.mark.parametrize(
    ("text", "host"), [("Kong", "kong"), ("10.0.0.7", "10.0.0.7"), ("[FD00::7]", "fd00::7")]
)
def test_names_of_hosts(text: str, host: str) -> None:
    assert host_name(text) == host


@pytest.mark.parametrize(
    "text", ["", "*", "*.local", "http://kong", "kong:8000", "a/b", "a b", "u@kong", "[", "a\n"]
)
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match="names of hosts such as kong"):
        host_name(text)
