"""Whether the gateway lives, and whether it is well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import httpx2
import structlog
from fastapi import APIRouter, Response
from pydantic import Field

from services.gateway import examples
from services.gateway.problems import Problem, told_as
from shared.domain.discreet import Discreet
from shared.domain.errors import SoulprintError
from shared.host.service import Kit
from shared.host.services import opener_of
from shared.pipelines import SERVICES

ASK_SECONDS: Final = 1.0
"""So long an answer is waited for."""
LOAD_SECONDS: Final = 30.0
"""So long the stages may take to be imported, which is done once."""
FRESH_SECONDS: Final = 2.0
"""So long what was found is told again."""
NAME: Final = "soulprint-rlm"
"""What the predecessor calls itself: monitors may compare it."""
NEEDED: Final = ("stages", "database")
"""Without them no import could be taken, or worked on."""

log = structlog.get_logger(__name__)


class Part:
    """Something that can be asked whether it is well. One question at a time: what has not answered is not
    asked again, nor cut off."""

    def __init__(self, ask: Callable[[], Awaitable[None]], patience: float | None = None) -> None:
        self._ask = ask
        self._patience = patience
        self._asking: asyncio.Task[None] | None = None

    async def well(self) -> bool:
        """Whether it answers in time."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._asked())
        done, _ = await asyncio.wait([self._asking], timeout=self._patience or ASK_SECONDS)
        return bool(done) and self._asking.exception() is None

    async def _asked(self) -> None:
        await self._ask()

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
            if not self._asking.cancelled():
                self._asking.exception()


@dataclass(frozen=True, slots=True)
class Found:
    """Which parts are well, at one moment."""

    well: Mapping[str, bool]
    at: float

    @property
    def lacking(self) -> list[str]:
        """What cannot be done without, and is not well."""
        return [name for name in NEEDED if not self.well.get(name, True)]


class Health:
    """Asks the parts when somebody wants to know. Who asks meanwhile, or soon after, is told the same."""

    def __init__(self, parts: Mapping[str, Part], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._clock = clock
        self._found: Found | None = None
        self._looking: asyncio.Task[Found] | None = None

    async def look(self) -> Found:
        """How they are."""
        if self._found is not None and self._clock() - self._found.at < FRESH_SECONDS:
            return self._found
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Found:
        names = list(self._parts)
        answers = await asyncio.gather(*(self._parts[name].well() for name in names))
        before, self._found = (
            self._found,
            Found(dict(zip(names, answers, strict=True)), self._clock()),
        )
        if before is None or before.well != self._found.well:
            log.info("health", stage="gateway", **self._found.well)
        return self._found

    async def close(self) -> None:
        """Ask no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await asyncio.gather(*(part.close() for part in self._parts.values()))


@asynccontextmanager
async def opened_health(kit: Kit) -> AsyncIterator[Health]:
    """The health of this gateway, for the block."""
    parts = {
        "stages": Part(_Stages().load, LOAD_SECONDS),
        "database": Part(kit.database_answers),
        "log": Part(kit.log_answers),
    }
    async with httpx2.AsyncClient(timeout=ASK_SECONDS, trust_env=False, follow_redirects=False) as client:
        if (url := kit.settings.v1_backend_url) is not None:
            parts["v1"] = Part(lambda: _v1_answers(client, str(url)))
        health = Health(parts)
        try:
            yield health
        finally:
            await health.close()


class _Stages:
    """Imports what every service of this SoulPrint is made of, once: an image that lacks a part is told."""

    def __init__(self) -> None:
        self._loaded = False

    async def load(self) -> None:
        if not self._loaded:
            await asyncio.to_thread(lambda: [opener_of(name) for name in SERVICES])
            self._loaded = True


async def _v1_answers(client: httpx2.AsyncClient, url: str) -> None:
    try:
        async with client.stream("GET", f"{url.rstrip('/')}/health") as response:
            status = response.status_code
    except httpx2.HTTPError as error:
        raise SoulprintError(f"the V1 backend does not answer: {type(error).__name__}") from None
    if status >= 500:
        raise SoulprintError(f"the V1 backend answers {status}")


class Alive(Discreet):
    """The process turns."""

    status: Literal["ok"] = "ok"


class HealthTold(Discreet):
    """How the gateway is: what the predecessor says, and more."""

    status: Literal["healthy", "degraded"] = Field(
        description="degraded: imports are taken, but wait for the log, or the V1 backend does not answer."
    )
    service: str
    processors_available: bool
    timestamp: datetime
    checks: dict[str, Literal["ok", "unwell", "none"]]


class Unwell(Discreet):
    """What is wrong, as the predecessor tells it."""

    detail: str


def router(health: Health) -> APIRouter:
    """GET /livez, GET /health; and no /metrics: those are for the inside alone."""
    routes = APIRouter(tags=["health"])

    @routes.get("/livez")
    async def livez() -> Alive:
        """Whether the process lives. It asks nobody: what is down elsewhere is no reason to restart it."""
        return Alive()

    @routes.get(
        "/health",
        response_model=HealthTold,
        responses=told_as(examples.HEALTH)
        | {503: {"model": Unwell, "description": "Imports are not taken, or not worked on"}},
    )
    async def told(response: Response) -> HealthTold:
        """Whether imports are taken and worked on."""
        found = await health.look()
        if found.lacking:
            raise Problem(503, f"not well: {', '.join(found.lacking)}", headers={"Retry-After": "5"})
        response.headers["Cache-Control"] = "no-store"
        checks: dict[str, Literal["ok", "unwell", "none"]] = {"v1": "none"}
        for name, well in found.well.items():
            checks[name] = "ok" if well else "unwell"
        return HealthTold(
            status="healthy" if all(found.well.values()) else "degraded",
            service=NAME,
            processors_available=True,
            timestamp=datetime.now(UTC),
            checks=checks,
        )

    @routes.api_route("/metrics", methods=["GET", "HEAD", "POST"], include_in_schema=False)
    async def no_metrics() -> None:
        raise Problem(404, "Not Found")

    return routes
