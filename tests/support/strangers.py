"""Services whose every part breaks by exceptions of strangers that hold a person's words, and all that may be
seen of it: lines of the log, metrics, health, what the database keeps, dead letters, answers."""

from __future__ import annotations

import asyncio
import inspect
import io
import itertools
import json
import logging
import sys
import threading
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import anthropic
import asyncpg
import httpx2
import pytest
import structlog
from pydantic import BaseModel

from shared.domain.events import Event
from shared.host.service import Asgi, Kit, Opener, Service
from shared.host.services import opener_of
from shared.log.kafka.asyncapi_examples import EXAMPLES
from shared.logs import configure_logs
from shared.models.base import Model
from shared.store.store import Store

MARK = "Nora MARKED 7c1f92"
"""What no line may hold: words of a person, in events and in exceptions."""
_SENTENCE = "I cycle to work"


class _Loud(BaseModel):
    """A model of somebody else's, whose errors say what it was given."""

    number: int


def _strangers() -> Iterator[Exception]:
    def invalid() -> Exception:
        try:
            _Loud.model_validate({"number": MARK})
        except ValueError as error:
            return error
        raise AssertionError

    caused = RuntimeError(MARK)
    caused.__cause__ = ValueError(MARK)
    caused.add_note(MARK)
    for made in itertools.cycle(
        (
            lambda: ValueError(MARK),
            invalid,
            lambda: KeyError(MARK),
            lambda: OSError(5, MARK, MARK),
            lambda: UnicodeDecodeError("utf-8", MARK.encode(), 0, 1, MARK),
            lambda: json.JSONDecodeError(MARK, MARK, 0),
            lambda: asyncpg.DataError(MARK),
            lambda: httpx2.ConnectError(MARK),
            lambda: anthropic.AnthropicError(MARK),
            lambda: ExceptionGroup(MARK, [ValueError(MARK)]),
            lambda: caused,
            lambda: type(
                "LoudError", (Exception,), {"__str__": lambda _: MARK, "__repr__": lambda _: MARK}
            )(),
        )
    ):
        yield made()


class Breaking:
    """How parts of services break: each call raises the next stranger. `met` counts, by service."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self.on = asyncio.Event()
        self._strangers = _strangers()

    def met_by(self, name: str) -> Exception:
        """The next of them."""
        self.met[name] += 1
        return next(self._strangers)

    def opener(self, name: str, part: str) -> Opener:
        """The `app` of a service of which this part breaks, once this is `on`."""

        @asynccontextmanager
        async def app(kit: Kit) -> AsyncIterator[Service]:
            if part in ("store", "rows"):
                kit = replace(kit, store=Store(_Transport(self, kit, rows=part == "rows")))
            if part in ("extract", "write"):
                kit = replace(kit, open_model=_opening(self, kit, extracting=part == "extract"))
            async with opener_of(name)(kit) as service:
                service = replace(service, grace=0.1)  # what is in work never ends
                yield self._stage_of(kit, service) if part == "stage" else service

        return app

    def _stage_of(self, kit: Kit, service: Service) -> Service:
        async def breaks(*_: object) -> None:
            await self.on.wait()
            raise self.met_by(kit.name)

        http = None if service.http is None else self._http_of(kit, service.http)
        service = replace(service, tasks=[*service.tasks, breaks], http=http)
        if service.stage is None:
            return service
        return replace(service, stage=replace(service.stage, handle=breaks))

    def _http_of(self, kit: Kit, http: Asgi) -> Asgi:
        async def breaks(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
            if self.on.is_set():
                raise self.met_by(kit.name)
            await http(scope, receive, send)

        return breaks


class _Transport:
    """Another, until it breaks; or until it answers what no function does."""

    def __init__(self, breaking: Breaking, kit: Kit, *, rows: bool) -> None:
        self._breaking, self._name, self._rows = breaking, kit.name, rows
        self._other = kit.store._transport

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """See Transport."""
        if not self._breaking.on.is_set():
            return await self._other.call(function, argument)
        error = self._breaking.met_by(self._name)
        if not self._rows:
            raise error
        return next(_ROWS)

    async def close(self) -> None:
        """See Transport."""


_ROWS = itertools.cycle([[{MARK: MARK, "user_id": MARK, "run": MARK}], {"state": MARK}, MARK, [MARK]])


def _opening(breaking: Breaking, kit: Kit, *, extracting: bool) -> Any:
    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Model]:
        async with kit.open_model(**options) as model:
            for name, _ in inspect.getmembers(type(model), inspect.iscoroutinefunction):
                if name != "close" and name.startswith("extract") == extracting:
                    setattr(model, name, _broken(breaking, kit.name))
            yield model

    return opened


def _broken(breaking: Breaking, name: str) -> Any:
    async def breaks(*_: object, **__: object) -> None:
        raise breaking.met_by(name)

    return breaks


def marked(kind: type[Event], import_id: UUID, user_id: UUID) -> Event:
    """The example of this event as the run of an import has it, with the person's words in every text."""
    example = EXAMPLES[kind]
    text = example.model_dump_json().replace(_SENTENCE, MARK).replace("Commuting", MARK)
    text = text.replace(str(example.import_id), str(import_id)).replace(str(example.user_id), str(user_id))
    return kind.model_validate_json(text)


@contextmanager
def whole_log() -> Iterator[io.StringIO]:
    """What this process writes to its log, from the least line on; afterwards all is as it was."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        configure_logs("debug")
        structlog.configure(cache_logger_on_first_use=False)
        try:
            yield written
        finally:
            structlog.reset_defaults()
            root.handlers[:] = handlers
            root.setLevel(level)
            sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning = hooks
