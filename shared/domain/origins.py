"""Origins of web pages, as a setting names those whose scripts may read answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MOST_ORIGINS = 64
_STRANGERS = ("https://stranger.invalid", "http://stranger.invalid:8080", "null")
"""What no list of one's own origins may take."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Exact origins, or one pattern that an origin matches as a whole."""

    exact: tuple[str, ...] = ()
    pattern: str | None = None

    def __bool__(self) -> bool:
        return bool(self.exact or self.pattern)

    def hold(self, origin: str) -> bool:
        """Whether a page of this origin may."""
        return origin in self.exact or (self.pattern is not None and bool(re.fullmatch(self.pattern, origin)))


def origins(text: str) -> Origins:
    """The origins in a list with commas; what begins with ^ is one pattern. Raises ValueError, which says
    what they must be."""
    text = text.strip()
    if text.startswith("^"):
        return Origins(pattern=_pattern(text))
    named = tuple(dict.fromkeys(_origin(part.strip()) for part in text.split(",") if part.strip()))
    if len(named) > MOST_ORIGINS:
        raise ValueError(f"must be at most {MOST_ORIGINS} origins, or one pattern")
    return Origins(exact=named)


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if not host or parts.scheme not in ("http", "https") or parts.path not in ("", "/"):
        raise ValueError(
            "must be origins such as https://app.example.com, separated by commas, or one pattern that "
            "begins with ^; * is not taken"
        )
    if "@" in parts.netloc or parts.query or parts.fragment or re.search(r"[\s*\\]", text):
        raise ValueError("must be origins alone: scheme, host and port")
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if port in (None, usual) else f":{port}")


def _pattern(text: str) -> str:
    try:
        pattern = re.compile(text)
    except re.error:
        raise ValueError("is no regular expression") from None
    if any(pattern.fullmatch(each) for each in _STRANGERS):
        raise ValueError(
            "takes pages of anybody: let the pattern name your own hosts, such as ^https://"
            r"[a-z0-9-]+\.example\.com$"
        )
    return text
