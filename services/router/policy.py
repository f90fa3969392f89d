"""The router: which pipeline an import goes to."""

from __future__ import annotations

from shared.domain.events import ImportReceived


def route(event: ImportReceived, served: str) -> str:
    """The pipeline of this import. For now every import goes to the one that is served."""
    return served
