"""What each route of the gateway takes as a body: one table, by the path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON_BYTES: Final = 64 * 1024
PROXIED_BYTES: Final = 200 * 1000**2
HEAD_BYTES: Final = 32 * 1024
"""Of a request; the server before this bounds what comes in pieces (`shared.host.http.FACE`)."""
LARGE: Final = "soulprint.large"
"""Set in the scope of a request whose body was too large to be looked at, where its rule passes that on."""
UPLOADED: Final = frozenset({
    b"application/zip", b"application/x-zip-compressed", b"application/gzip", b"application/x-gzip",
    b"application/octet-stream", b"multipart/form-data",
})  # fmt: skip
"""Media types of an export itself. JSON, or what a client calls by another type, has a name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route takes."""

    most: int
    """Bytes of the body."""
    is_json: bool = False
    """Whether the body is JSON: then it is read whole, and looked at."""
    passes_larger: int = 0
    """JSON of more bytes than `most`, but at most so many, is passed on unread, and `LARGE` says so."""
    encoded: bool = False
    """Whether a body with a Content-Encoding is passed on as it is; else it is refused: how large it unfolds,
    the wire does not show."""
    bare: bool = False
    """Whether errors are {detail}, as the predecessor's are; else application/problem+json."""


PROXIED: Final = Rule(PROXIED_BYTES, encoded=True, bare=True)
OURS: Final = Rule(JSON_BYTES, is_json=True)
LEGACY: Final = replace(OURS, bare=True)
LEGACY_WITH_CONVERSATIONS: Final = replace(LEGACY, passes_larger=PROXIED_BYTES)
_KEY = r"(?:/k/[^/]+)?"
RULES: Final[Sequence[tuple[re.Pattern[str], Rule]]] = (
    (re.compile(rf"{_KEY}/process-full(?:-v2)?"), LEGACY_WITH_CONVERSATIONS),
    (re.compile(rf"{_KEY}/(?:import-full|retry-full-pass|health)"), LEGACY),
    (re.compile(r"/(?:imports|profiles)(?:/.*)?|/livez|/metrics"), OURS),
)
"""By the path, the first that fits it whole; every other path is proxied."""


def is_upload(scope: Scope) -> bool:
    """Whether a request is POST /imports with the export itself: of a media type for that, or with a name, by
    `?name=` or a Content-Disposition."""
    if scope["method"] != "POST" or scope["path"] != "/imports":
        return False
    kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
    names = (part.partition(b"=")[0] for part in scope["query_string"].split(b"&"))
    return kind in UPLOADED or b"name" in names or bool(header(scope, b"content-disposition"))


def header(scope: Scope, name: bytes) -> bytes:
    """The last value of a header; empty if there is none."""
    return next((value for key, value in reversed(scope["headers"]) if key == name), b"")


def rule_of(scope: Scope, upload_bytes: int) -> Rule:
    """What the route of a request takes; uploads so many bytes."""
    if is_upload(scope):
        return Rule(upload_bytes)
    return next((rule for path, rule in RULES if path.fullmatch(scope["path"])), PROXIED)


def has_large_head(scope: Scope) -> bool:
    """Whether it is: what comes in one piece, the server does not measure."""
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return size + sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > HEAD_BYTES


def has_body(scope: Scope) -> bool:
    """Whether a request has one."""
    length = header(scope, b"content-length")
    return bool(header(scope, b"transfer-encoding")) or length.strip(b"0") != b""
