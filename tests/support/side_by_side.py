"""The stand-in of the predecessor and a gateway before it, to be asked the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from tests.support.face import Face, faced
from tests.support.local import LocalSetting
from tests.support.predecessor import Predecessor, predecessor
from tests.support.predecessor.routes import Form

OPEN: Final = {"imports_unfinished": 1_000_000, "imports_per_hour": 1_000_000}
"""Settings of a gateway that takes as many imports of a user as come."""


@asynccontextmanager
async def both(
    setting: LocalSetting, form: Form = "union", **changes: Any
) -> AsyncIterator[tuple[Predecessor, httpx2.AsyncClient, Face]]:
    """A predecessor, a client of it, and a gateway before it."""
    async with (
        predecessor(form) as old,
        httpx2.AsyncClient(base_url=old.url) as client,
        faced(setting, v1_backend_url=old.url, **OPEN | changes) as face,
    ):
        yield old, client, face


def seen(answer: httpx2.Response) -> tuple[Any, ...]:
    """What a caller sees of an answer: status, body but for ids of jobs and times, and headers of its own."""
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    if isinstance(body, dict):
        body = list({name: "any" if name in ("job_id", "jobs") else body[name] for name in body}.items())
    headers = {name: answer.headers.get(name) for name in ("content-type", "allow", "vary", "location")}
    if headers["location"]:
        headers["location"] = httpx2.URL(headers["location"]).raw_path.decode()
    return answer.status_code, body, headers
