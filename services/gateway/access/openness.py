"""A gateway that is open: who brings nothing acts for every person, except other people's web pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from services.gateway.access.refusals import not_theirs
from shared.domain.addresses import is_this_machine
from shared.domain.origins import Origins


class Openness:
    """Lets in who can reach us, and not who gets a person's browser to do so: a page of a stranger may send
    requests to this machine, and by a name of its own that leads here it may read the answers."""

    def __init__(self, allowed: Origins, *, on_this_machine: bool) -> None:
        self._allowed = allowed
        self._on_this_machine = on_this_machine

    def refuse_foreign_pages(self, headers: Mapping[str, str]) -> None:
        """Raises Problem (403) for a request that a browser makes for a page that is not allowed."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._on_this_machine and not is_this_machine(_name(host)):
            raise not_theirs("this gateway is open to its own machine only, by the name localhost")
        if origin is not None and self._allowed.hold(origin):
            return
        foreign = origin is not None and origin.partition("://")[2] != host.lower()
        if foreign or headers.get("sec-fetch-site", "none") in ("cross-site", "same-site"):
            raise not_theirs("this gateway takes nothing from pages of other origins: see CORS_ORIGINS")


def _name(host: str) -> str:
    """The name in a Host header; empty if it has none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
