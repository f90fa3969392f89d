"""Which web pages may read answers (CORS). None, unless the settings name some."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from shared.domain.origins import Origins

_METHODS = ("GET", "POST", "DELETE")
_SENT = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
_READ = (
    "Location",
    "Retry-After",
    "X-Import-Id",
    "X-Import-Run",
    "Deprecation",
    "Sunset",
    "Link",
    "WWW-Authenticate",
)
_SECONDS = 600
"""A browser need not ask again for so long."""


def let_pages_read(app: FastAPI, named: Origins | None) -> None:
    """Answer browsers for the pages of these origins. They send no cookie: who calls is told by a header that
    the page sets."""
    if not named:
        return
    app.add_middleware(
        CORSMiddleware,
        allow_origins=named.exact,
        allow_origin_regex=named.pattern,
        allow_credentials=False,
        allow_methods=_METHODS,
        allow_headers=_SENT,
        expose_headers=_READ,
        max_age=_SECONDS,
    )
