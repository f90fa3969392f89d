"""What a path tells before anything is routed: whose route it is, what anybody may ask, a key in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

LEGACY = (
    "process-full|process-full-v2|import-full|retry-full-pass|health|query|chat|analyze|create-soulprint|"
    "process-import|embed-chunks|health-deep|status|test-embed|test-patch"
)
LEGACY_OF_A_USER = "complete-embeddings|embedding-status|generate-soulprint"
"""Routes of the predecessor; those of a user have the user's id behind them."""
OURS = frozenset({"imports", "profiles", "livez", "metrics"})
"""First words of our own routes, on which an error is a problem."""
PUBLIC = frozenset({"/livez", "/health", "/openapi.json"})
"""What anybody may read: whether the gateway is well, and what it offers."""
HIDDEN = "/k/-"
"""What stands in place of a path that may hold a key, for whatever looks at it later."""
_LEGACY = re.compile(rf"/(?:{LEGACY}|(?:{LEGACY_OF_A_USER})/[^/]+)")
_KEYED = re.compile(r"/k/([A-Za-z0-9._~-]+)(/.+)")
_EVENTS = re.compile(r"/imports/([0-9a-fA-F-]{36})/events")


@dataclass(frozen=True, slots=True)
class Keyed:
    """A path with a key in it: the key, and the path without it, as it was sent and decoded. No key: it is no
    path of ours, and may hold one all the same."""

    key: str | None = None
    raw: str = HIDDEN
    path: str = HIDDEN


NOBODYS = Keyed()


def is_ours(path: str) -> bool:
    """Whether a path is of our own routes, and not of the predecessor's or of nobody's."""
    return path.lstrip("/").partition("/")[0] in OURS


def is_public(method: str, path: str) -> bool:
    """Whether anybody may ask this."""
    return method in ("GET", "HEAD") and path in PUBLIC


def watched_import(method: str, path: str) -> UUID | None:
    """The import whose events are asked for, None if something else is."""
    if method != "GET" or (found := _EVENTS.fullmatch(path)) is None:
        return None
    try:
        return UUID(found[1])
    except ValueError:
        return None


def keyed(path: str, raw: str) -> Keyed | None:
    """A path that begins with a key, however it is written; None for all others.

    A key is taken as the app joins it, `/k/{key}/route`, before a route of the predecessor. All that only
    resembles it is nobody's path: passed on as it stands, it would show a key to whoever is behind us.
    """
    if not path.startswith("/"):
        return NOBODYS  # a whole address, as a proxy is asked for one
    words = [each for each in path.split("/") if each not in ("", ".", "..")]
    if not words or words[0].lower() != "k":
        return None
    if (found := _KEYED.fullmatch(raw)) is None:
        return NOBODYS
    rest = unquote(found[2])
    return Keyed(found[1], found[2], rest) if _LEGACY.fullmatch(rest) else NOBODYS
