"""A fleet: services as processes that a test kills, starts again and stops, by name."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.forking import Forked, ForkServer
from tests.support.ports import free_port
from tests.support.services import Setting
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 60.0


@dataclass(eq=False)
class Member:
    """One process of a service."""

    service: str
    name: str
    port: int
    process: subprocess.Popen[bytes] | Forked

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def page(self, path: str) -> tuple[int, str]:
        """Status and body of a page of its health port; 0 while it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2.0)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()


@dataclass
class Fleet:
    """The processes of one pipeline: a service each, or every service in one that is called `up`. Use
    `fleet`."""

    setting: Setting
    folder: Path
    """Where each member's log goes, by its name."""
    tuning: Mapping[str, str] = field(default_factory=dict)
    """See tests.support.tuned_service; empty: as `soulprint serve` runs it."""
    fork_server: ForkServer | None = None
    """What members are forked from; None: each starts by itself, as it would in production."""
    members: dict[str, Member] = field(default_factory=dict)

    def start(
        self,
        service: str,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        tuning: Mapping[str, str] | None = None,
    ) -> Member:
        """Start a process of a service. Returns at once: see `ready`. One with more in its `environment` is
        not forked: what it says may be for the loader. `tuning`: more for this one alone."""
        name, port = name or service, free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SOULPRINT_")}
        settings = self.setting.environment() | {"SOULPRINT_METRICS_PORT": str(port)}
        whole = {**kept, **settings, **self.tuning, **(tuning or {}), **(environment or {})}
        module = "tests.support.tuned_service" if self.tuning else "soulprint"
        arguments = [service] if self.tuning or service == "up" else ["serve", service]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = (
                self.fork_server.service(module, arguments, whole, log)
                if self.fork_server and not environment
                else subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    env=whole,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        self.members[name] = member = Member(service, name, port, process)
        return member

    def start_many(self, service: str, count: int) -> list[Member]:
        """Start so many replicas of a service."""
        return [self.start(service, f"{service}-{number}") for number in range(count)]

    def kill(self, name: str) -> None:
        """kill -9 a member and its worker processes."""
        member = self.members.pop(name)
        with suppress(ProcessLookupError):  # it ended before
            os.killpg(member.process.pid, signal.SIGKILL)
        member.process.wait(30)

    def restart(self, name: str) -> Member:
        """kill -9 a member and start it again."""
        service = self.members[name].service
        self.kill(name)
        return self.start(service, name)

    async def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM to these members, or to all; how each ended."""
        leaving = [self.members[name] for name in names or tuple(self.members)]
        for member in leaving:
            member.process.send_signal(signal.SIGTERM)
        for member in leaving:

            def gone(member: Member = member) -> bool:
                return not member.alive

            gone.__doc__ = f"{member.name} stops"
            await until(gone, STOP_SECONDS)
            del self.members[member.name]
        return {member.name: int(member.process.returncode) for member in leaving}

    async def ready(self, seconds: float = 60.0) -> None:
        """Return when every member says that it consumes."""
        for member in list(self.members.values()):

            async def answers(member: Member = member) -> bool:
                assert member.alive, f"{member.name} ended: {self.log(member.name)}"
                status, _ = await asyncio.to_thread(member.page, "/readyz")
                return status == 200

            answers.__doc__ = f"{member.name} is ready"
            await until(answers, seconds)

    def ended(self) -> dict[str, int]:
        """Members that ended by themselves, with their exit codes."""
        return {m.name: m.process.returncode for m in self.members.values() if not m.alive}

    def log(self, name: str, characters: int = 1500) -> str:
        """The end of a member's log; all of it: 0."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-characters:]


@contextmanager
def fleet(
    setting: Setting,
    folder: Path,
    tuning: Mapping[str, str] | None = None,
    fork_server: ForkServer | None = None,
) -> Iterator[Fleet]:
    """A fleet without members, all of which are killed in the end, whatever happened."""
    found = Fleet(setting, folder, tuning or {}, fork_server)
    try:
        yield found
    finally:
        for name in list(found.members):
            found.kill(name)
