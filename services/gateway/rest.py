"""Who may ask for what is passed on."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from services.gateway.access.access import Access, Scope

_OF_A_USER: Final = re.compile(
    rb"/(?:complete-embeddings|embedding-status|generate-soulprint)"
    rb"/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)
"""Whose user the path names, byte for byte as the backend gets it."""


async def require_passable(access: Access, scope: Scope) -> None:
    """Raises Problem unless this may be passed on: whatever a service asks for, and of what a person asks for
    only what their own id in the path tells to be theirs. What a body says is not looked at."""
    caller = await access.identify(scope)
    if (own := _OF_A_USER.fullmatch(scope["raw_path"])) is not None and not scope["query_string"]:
        caller.require(UUID(own[1].decode()))
    else:
        caller.require_service()
