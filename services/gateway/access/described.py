"""What the OpenAPI document says of credentials."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from services.gateway.access.paths import is_public

EVENTS = "/imports/{import_id}/events"
"""The route that takes a ticket, too."""
_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A service key, or a token of Supabase Auth, which is one person's.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "From POST /imports/{import_id}/events/ticket; good for a minute.",
    },
}


def describe_credentials(app: FastAPI) -> None:
    """Have the document say what each of the routes asks for. Call it when all are there."""
    made = app.openapi

    def described() -> dict[str, Any]:
        document = made()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        document["security"] = [{"bearer": []}]
        for path, operations in document.get("paths", {}).items():
            for method, operation in operations.items():
                if is_public(method.upper(), path):
                    operation["security"] = []
                elif path == EVENTS:
                    operation["security"] = [{"bearer": []}, {"ticket": []}]
        return document

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI has it replaced
