"""Origins of web pages: exact ones or one pattern, and nothing that lets everybody in."""

from __future__ import annotations

import pytest

from shared.domain.origins import MOST_ORIGINS, Origins, origins


def test_there_is_none_by_default() -> None:
    assert not origins("")
    assert not origins(" , ").hold("https://app.example.com")


def test_exact_origins_are_written_as_browsers_write_them() -> None:
    found = origins("https://App.Example.com/, http://localhost:3000 ,https://a.example:443,http://[::1]:80")
    assert found.exact == (
        "https://app.example.com",
        "http://localhost:3000",
        "https://a.example",
        "http://[::1]",
    )
    assert found.hold("https://app.example.com")
    for other in ("https://app.example.com.evil.invalid", "http://app.example.com", "null", "", "*"):
        assert not found.hold(other)


def test_a_pattern_is_matched_as_a_whole() -> None:
    found = origins(r"^https://[a-z0-9-]+\.example\.com$")
    assert found == Origins(pattern=r"^https://[a-z0-9-]+\.example\.com$")
    assert found.hold("https://preview-7.example.com")
    assert not found.hold("https://preview-7.example.com.evil.invalid")
    assert not found.hold("https://preview-7.example.com\n")


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "app.example.com",
        "https://",
        "https://*.example.com",
        "https://app.example.com/path",
        "https://app.example.com?x",
        "https://nora@app.example.com",
        "https://app.example.com:x",
        "ftp://app.example.com",
        "https://a b.example.com",
        "https://a.example,^https://b$",
        "^(",
        "^.*$",
        "^https?://.+",
        "^[a-z]+$",
        ",".join(f"https://a{number}.example" for number in range(MOST_ORIGINS + 1)),
    ],
)
def test_what_names_no_origins_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|expression|anybody"):
        origins(text)
