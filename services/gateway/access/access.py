"""Tells who calls, by what they bring: a service key, a person's token, a key in the path, a ticket."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from services.gateway.access.caller import SERVICE, Caller
from services.gateway.access.jwks import AGAIN_SECONDS, KeysUnavailableError
from services.gateway.access.keys import ServiceKeys
from services.gateway.access.openness import Openness
from services.gateway.access.paths import watched_import
from services.gateway.access.refusals import cannot_be_checked, nobody, not_accepted
from services.gateway.access.tickets import Tickets
from services.gateway.access.tokens import Tokens, WrongTokenError

Scope = MutableMapping[str, Any]
CALLER = "soulprint.caller"
"""Where in a request's scope the caller stands, once the door has let them in."""
PATH_KEY = "soulprint.path_key"
"""Where it stands that the path held a good key."""
_CREDENTIALS = "the credentials are not accepted: Authorization must be Bearer and one key or token"


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in. `opened_access` makes it from the settings."""

    keys: ServiceKeys
    tickets: Tickets
    tokens: Tokens | None = None
    """None: no project is known, and no token is good."""
    openness: Openness | None = None
    """None: who brings nothing is not let in."""

    async def caller(self, request: Request) -> Caller:
        """Who calls. Raises Problem: 401, or 503 where a token cannot be checked now."""
        return await self.identify(request.scope)

    async def identify(self, scope: Scope) -> Caller:
        """Who calls, by a request's scope; told once, however often it is asked.

        What is brought is either right or refused: a wrong key does not become nobody, not even where nobody
        is let in.
        """
        if (known := scope.get(CALLER)) is None:
            known = scope[CALLER] = await self._identified(scope)
        return known

    async def _identified(self, scope: Scope) -> Caller:
        request = Request(scope)
        brought = request.headers.getlist("authorization")
        if brought:
            return await self._by_credentials(brought)
        if scope.get(PATH_KEY):
            return SERVICE
        import_id = watched_import(scope["method"], scope["path"])
        if import_id is not None and (tickets := request.query_params.getlist("ticket")):
            if len(tickets) == 1 and self.tickets.good(tickets[0], import_id):
                return Caller(import_id=import_id)
            raise not_accepted("the ticket is not good for this import, or no longer: ask for another one")
        if self.openness is None:
            raise nobody()
        self.openness.refuse_foreign_pages(request.headers)
        return SERVICE

    async def _by_credentials(self, brought: list[str]) -> Caller:
        scheme, _, credentials = brought[0].partition(" ")
        credentials = credentials.strip()
        if len(brought) > 1 or scheme.lower() != "bearer" or not credentials:
            raise not_accepted(_CREDENTIALS)
        if self.keys.hold(credentials):
            return SERVICE
        if self.tokens is None:
            raise not_accepted("the key is not accepted")
        if credentials.count(".") != 2:
            raise not_accepted("the key or token is not accepted")
        try:
            return Caller(user_id=await self.tokens.user_of(credentials))
        except WrongTokenError as error:
            raise not_accepted(str(error)) from None
        except KeysUnavailableError:
            raise cannot_be_checked(round(AGAIN_SECONDS)) from None
