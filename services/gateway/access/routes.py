"""POST /imports/{import_id}/events/ticket: what a browser opens the events of an import with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict

from services.gateway.problems import told_as
from shared.domain.discreet import Discreet

if TYPE_CHECKING:
    from services.gateway.state import Gateway


class EventsTicket(Discreet):
    """What opens the events of one import, for a minute and for whoever has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket": "AAAAAGlPm3yQ2Vv0nq8J6bH0sT1cXyZ4uR7wK5mE9aLdFgNpBhSjTi",
                    "expires_at": 1767873404,
                    "events_url": "/imports/0b5f3a0c-3c1e-5d4e-8f2a-6a1d2c3b4e5f/events?ticket=AAAA...",
                }
            ]
        }
    )

    ticket: str
    expires_at: int
    """Seconds since 1970. Events that were begun before go on after it."""
    events_url: str
    """Where the ticket is used."""


def router(gateway: Gateway) -> APIRouter:
    """POST /imports/{import_id}/events/ticket."""
    routes = APIRouter(tags=["imports"])

    @routes.post(
        "/imports/{import_id}/events/ticket",
        status_code=201,
        responses=told_as(None, 400, 401, 404, 408, 413, 415, 422, 503),
    )
    async def give_ticket(import_id: UUID, request: Request, response: Response) -> EventsTicket:
        """Give a ticket for the events of an import: a browser's EventSource sends no Authorization."""
        await gateway.newest_run(import_id, await gateway.access.caller(request))
        given = gateway.access.tickets.give(import_id)
        response.headers["Cache-Control"] = "no-store"
        return EventsTicket(
            ticket=given.text,
            expires_at=given.expires_at,
            events_url=f"/imports/{import_id}/events?ticket={given.text}",
        )

    return routes
