"""A client for one HTTP call, made at most once: what may have come through is told from what has not."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from shared.sockets import KEEP_ALIVE


def one_call_client(
    *, seconds: float, connect_seconds: float, headers: Mapping[str, str] | None = None
) -> httpx2.AsyncClient:
    """A client that sends and takes JSON, follows nothing and knows no proxy; `headers` are sent besides. For
    one call: where connections are kept, one that was closed meanwhile looks like a call whose outcome
    nobody knows."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(seconds, connect=connect_seconds),
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "soulprint",
            **(headers or {}),
        },
        follow_redirects=False,
        trust_env=False,
        transport=httpx2.AsyncHTTPTransport(trust_env=False, socket_options=KEEP_ALIVE),
    )
