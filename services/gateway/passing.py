"""What of a request and of its answer is passed on between a caller and the V1 backend: pure functions.

What concerns one connection only stays on it; so does who the caller is, and what the backend says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes]]

HOP: Final = b"x-soulprint-hop"
"""Marks what we passed on: coming in again, it went round in a circle."""
_OF_A_CONNECTION: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_NOT_TO_BACKEND: Final = frozenset(
    (
        b"authorization",  # ours: a key or a person's token
        b"cookie",  # the predecessor has none, and a project's session may be in it
        b"expect",  # answered here
        b"forwarded",
        b"host",
        b"x-real-ip",
        HOP,
    )
)
_NOT_TO_CALLER: Final = frozenset(
    (
        b"alt-svc",  # leads past us
        b"date",
        b"server",
        b"set-cookie",
        HOP,
    )
)
_NEVER_NAMED: Final = frozenset((b"content-length", b"content-type", b"content-encoding", b"host"))
"""What `Connection` cannot take away: without them a body would be read as another one."""


def has_hop(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request was passed on by us already."""
    return any(name == HOP for name, _ in headers)


def to_backend(headers: Iterable[tuple[bytes, bytes]], netloc: bytes) -> Headers:
    """A request's headers as the backend gets them. Of the caller's address it is told nothing."""
    headers = list(headers)
    left_out = _NOT_TO_BACKEND | _of_connection(headers)
    chunked = any(name == b"transfer-encoding" for name, _ in headers)
    passed = [
        (name, value)
        for name, value in headers
        if name not in left_out
        and not name.startswith(b"x-forwarded-")
        and not (chunked and name == b"content-length")
    ]
    framing = [(b"transfer-encoding", b"chunked")] if chunked else []
    return [(b"host", netloc), *passed, *framing, (HOP, b"1")]


def to_caller(headers: Iterable[tuple[bytes, bytes]], base: str) -> Headers:
    """An answer's headers as the caller gets them; `base` is the backend's address. A redirect to the backend
    itself leads to the same path here: the backend may be out of the caller's reach."""
    headers = [(name.lower(), value) for name, value in headers]
    left_out = _NOT_TO_CALLER | _of_connection(headers)
    chunked = any(name == b"transfer-encoding" for name, _ in headers)
    return [
        (name, located(value, base) if name == b"location" else value)
        for name, value in headers
        if name not in left_out
        and not name.startswith(b"access-control-")
        and not (chunked and name == b"content-length")
    ]


def located(location: bytes, base: str) -> bytes:
    """Where a redirect leads: as it is, but below the backend's address the path alone."""
    try:
        there, backend = urlsplit(location.decode("ascii")), urlsplit(base)
    except ValueError:
        return location
    if there.scheme not in ("http", "https") or there.netloc.lower() != backend.netloc.lower():
        return location
    path = there.path or "/"
    if path != backend.path and not path.startswith(backend.path + "/"):
        return location
    path = path[len(backend.path) :] or "/"
    if path.startswith("//"):  # by itself it would name another host
        return location
    rest = there._replace(scheme="", netloc="", path=path).geturl()
    return rest.encode("ascii")


def target(base: str, raw_path: bytes, query: bytes) -> bytes | None:
    """What is asked of the backend: path and query byte for byte, below the path of its address. None for
    what is no path: a whole address, or `*`."""
    if not raw_path.startswith(b"/"):
        return None
    return urlsplit(base).path.encode() + raw_path + (b"?" + query if query else b"")


def _of_connection(headers: Headers) -> frozenset[bytes]:
    """Headers of one connection: those that are always, and those that it names."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
    return _OF_A_CONNECTION | (named - _NEVER_NAMED)
