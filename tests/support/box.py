"""The whole service on one box: `soulprint up` without Kafka, as a process that may be killed and started
again, and a client of its gateway."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2

from tests.support.command import Finished, Soulprint
from tests.support.face import KEYED, OPENED
from tests.support.forking import ForkedCommand, ForkServer
from tests.support.ports import free_port
from tests.support.waiting import until

SETTINGS: Mapping[str, object] = {**OPENED, "metrics_port": 0, "sweep_seconds": 1}


@dataclass
class Box:
    """One home, one port, one process after the other."""

    command: Soulprint
    fork_server: ForkServer
    port: int = field(default_factory=free_port)
    process: ForkedCommand | None = None

    @classmethod
    def of(cls, home: Soulprint, fork_server: ForkServer, **changes: object) -> Box:
        """With more settings, by the names of their fields."""
        port = free_port()
        given = {**SETTINGS, "gateway_port": port, **changes}
        settings = tuple((f"SOULPRINT_{name.upper()}", str(value)) for name, value in given.items())
        return cls(Soulprint(home.home, (*home.settings, *settings)), fork_server, port)

    def start(self) -> ForkedCommand:
        """Start it; returns at once."""
        self.process = self.fork_server.command(["up"], self.command.environment())
        return self.process

    @asynccontextmanager
    async def up(self) -> AsyncIterator[ForkedCommand]:
        """It runs, from its greeting on; whatever runs in the end is killed."""
        try:
            process = self.start()
            await self.ready()
            yield process
        finally:
            if self.process is not None:
                self.kill()

    def kill(self) -> None:
        """kill -9 the process itself; what it has started sees to its own end."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate(30)
        self.process = None

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> Finished:
        """Have it end by itself."""
        process = self.process
        assert process is not None
        process.send_signal(number)

        def gone() -> bool:
            """the process ends by itself"""
            return process.poll() is not None

        await until(gone, 60)
        out, err = process.communicate()
        self.process = None
        return Finished(process.code, out, err)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with a service key."""
        async with httpx2.AsyncClient(
            base_url=self.address, headers=KEYED, timeout=30, trust_env=False
        ) as client:
            yield client

    async def ready(self) -> None:
        """Return once it greets."""
        process = self.process
        assert process is not None

        def greets() -> bool:
            """it says where it answers"""
            assert process.poll() is None, process.err
            return self.address in process.out

        await until(greets, 60)


async def sent(client: httpx2.AsyncClient, source: str, user_id: UUID) -> Any:
    """The answer to an import, asked for until there is one: a process may be killed meanwhile."""
    found: list[Any] = []

    async def taken() -> bool:
        """the import is taken"""
        try:
            answer = await client.post("/imports", json={"source": source, "user_id": str(user_id)})
        except httpx2.TransportError:
            return False
        assert answer.status_code in (202, 503), answer.text
        found[:] = [answer.json()] if answer.status_code == 202 else []
        return bool(found)

    await until(taken, 120)
    return found[0]
