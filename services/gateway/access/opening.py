"""Who may call, by the settings."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.gateway.access.access import Access
from services.gateway.access.jwks import ProjectKeys
from services.gateway.access.keys import ServiceKeys
from services.gateway.access.openness import Openness
from services.gateway.access.tickets import Tickets
from services.gateway.access.tokens import Tokens
from shared.domain.addresses import is_this_machine
from shared.domain.errors import UsageError
from shared.domain.origins import Origins
from shared.settings import Settings

JWKS_PATH = "/auth/v1/.well-known/jwks.json"
ISSUER_PATH = "/auth/v1"

log = structlog.get_logger(__name__)


@asynccontextmanager
async def opened_access(settings: Settings) -> AsyncIterator[Access]:
    """Who may call, for the block. Raises UsageError where nobody could, and the gateway is not open."""
    url = settings.supabase_url
    if not (settings.service_keys or url or settings.gateway_open):
        raise UsageError(
            "nobody could call the gateway: set SOULPRINT_SERVICE_KEYS to the digests of keys, or "
            "SOULPRINT_SUPABASE_URL for people's tokens; SOULPRINT_GATEWAY_OPEN=true lets in whoever "
            "reaches it"
        )
    _say_if_open(settings)
    openness = (
        Openness(settings.cors_origins or Origins(), on_this_machine=is_this_machine(settings.gateway_host))
        if settings.gateway_open
        else None
    )
    tickets = Tickets(_secret(settings))
    keys = ServiceKeys(settings.service_keys or ())
    if not url:
        yield Access(keys, tickets, openness=openness)
        return
    project = ProjectKeys(url + JWKS_PATH)
    secret = settings.supabase_jwt_secret
    tokens = Tokens(url + ISSUER_PATH, project, secret.get_secret_value() if secret else None)
    project.begin()
    try:
        yield Access(keys, tickets, tokens, openness)
    finally:
        await project.close()


def _say_if_open(settings: Settings) -> None:
    if not settings.gateway_open:
        return
    if not is_this_machine(settings.gateway_host):
        log.warning(
            "the gateway is open: whoever reaches it acts for every person", host=settings.gateway_host
        )
    if settings.service_keys:
        log.warning("the gateway is open, though it has service keys: whoever brings none is let in, too")


def _secret(settings: Settings) -> bytes:
    """What every gateway over one store knows, and nobody else: how the store is reached. Over the embedded
    server there is one process."""
    key = {"direct": settings.database_url, "rest": settings.supabase_service_role_key}.get(
        settings.store_kind
    )
    return key.get_secret_value().encode() if key else secrets.token_bytes(32)
