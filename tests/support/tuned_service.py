"""A service as `soulprint serve` runs it, with what only tests and benchmarks may set.

    python -m tests.support.tuned_service extractor

TUNED_MODEL_SECONDS: each call of the offline model takes this long, as a call of a provider would.
TUNED_MODEL_INSTANT: the extractor's model takes no time at all: one fact a conversation, nothing read for it.
TUNED_MODEL_REFUSES: the extractor's model refuses every chunk: a release that is no good.
TUNED_SESSION_MS: a killed replica is out of its group after this long, not after the product's 10 s, so that
a test of many kills spends its time on the kills.
TUNED_RELAY_SECONDS: what was accepted and not offered is looked for so often, once it is so old.
TUNED_WATCH_SECONDS: quickpass looks so often at what its predecessor does.
TUNED_STANDS: a file in which it notes how long its event loop stood still: see tests.support.stands.
TUNED_FILES: it may have so many files open, as many systems allow it no more.
TUNED_MAX_POLL_MS: a replica that does not poll for this long is out of its group, not after 10 min.

Asked by SIGUSR1 it writes to its log what it does: see tests.support.doing.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from prometheus_client import REGISTRY

from services.extractor.app import extractor
from services.quickpass import backend
from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady
from shared.domain.facts import Candidate, Category
from shared.heap import steady_heap
from shared.host.host import Host
from shared.host.service import Kit, Opener, Service
from shared.host.services import opener_of
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.subscriber import SubscriberPolicy
from shared.models.base import Extraction, Model
from shared.models.rules.model import OfflineModel
from shared.requests import relay
from shared.settings import load_settings
from soulprint.serve import configure_service_logs
from tests.support.doing import ASKED, doing
from tests.support.stands import watch

HEARTBEATS = 6
"""Heartbeats in a session."""


@dataclass(frozen=True)
class Tuning:
    """What the environment says."""

    model_seconds: float
    model_instant: bool
    model_refuses: bool
    session_ms: int
    max_poll_ms: int
    relay_seconds: float
    watch_seconds: float
    stands: str
    files: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Tuning:
        return cls(
            float(environment.get("TUNED_MODEL_SECONDS", "0")),
            bool(environment.get("TUNED_MODEL_INSTANT")),
            bool(environment.get("TUNED_MODEL_REFUSES")),
            int(environment.get("TUNED_SESSION_MS", "0")),
            int(environment.get("TUNED_MAX_POLL_MS", "0")),
            float(environment.get("TUNED_RELAY_SECONDS", "0")),
            float(environment.get("TUNED_WATCH_SECONDS", "0")),
            environment.get("TUNED_STANDS", ""),
            int(environment.get("TUNED_FILES", "0")),
        )

    @property
    def subscriber(self) -> SubscriberPolicy:
        """As impatient as this."""
        subscriber = SubscriberPolicy()
        if self.session_ms:
            subscriber = replace(
                subscriber, session_timeout=self.session_ms, heartbeat_interval=self.session_ms // HEARTBEATS
            )
        if self.max_poll_ms:
            subscriber = replace(subscriber, max_poll_interval=self.max_poll_ms)
        return subscriber


class SlowModel(OfflineModel):
    """The offline model, its answers held back. Waits take no processor: many fit beside each other."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def extract(self, chunk: ChunkReady) -> Extraction:
        until = time.monotonic() + self._seconds
        found = await super().extract(chunk)
        await asyncio.sleep(until - time.monotonic())
        return found


class InstantModel(OfflineModel):
    """Offers what the person said first in each conversation as a fact."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        first: dict[str, Candidate] = {}
        for message in chunk.messages:
            if message.role == "user" and message.conversation_id not in first:
                said = message.text[:80].strip() or message.text[:1]
                first[message.conversation_id] = Candidate(
                    category=Category.BELIEFS, statement=said, quote=said, message_ids=(message.id,)
                )
        return Extraction(tuple(first.values()))


class RefusingModel(OfflineModel):
    """Reads nothing, and its name is the good one's: what it refused, that one reads."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        raise ModelError("it was refused")


def model_of(tuning: Tuning) -> Model | None:
    """The extractor's model, where it is not the product's own."""
    if tuning.model_refuses:
        return RefusingModel()
    if tuning.model_instant:
        return InstantModel()
    return SlowModel(tuning.model_seconds) if tuning.model_seconds else None


def tuned(name: str, tuning: Tuning) -> Opener:
    """The `app` of a service, tuned."""

    @asynccontextmanager
    async def opener(kit: Kit) -> AsyncIterator[Service]:
        if name == "extractor" and (model := model_of(tuning)) is not None:
            yield extractor(kit, model)
        else:
            async with opener_of(name)(kit) as service:
                yield service

    return opener


async def _serve(name: str) -> None:
    steady_heap()
    settings = load_settings()
    configure_service_logs(settings)
    tuning = Tuning.of(os.environ)
    open_log = partial(KafkaLog.of, subscriber=tuning.subscriber)
    if tuning.relay_seconds:
        relay.LOOK_SECONDS = relay.OLD_SECONDS = tuning.relay_seconds
    if tuning.watch_seconds:
        backend.WATCH_SECONDS = tuning.watch_seconds
    host = Host({name: tuned(name, tuning)}, settings, REGISTRY, open_log=open_log)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, host.stop)
    asyncio.get_running_loop().add_signal_handler(ASKED, lambda: sys.stderr.write(f"{doing(host)}\n"))
    if tuning.files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (tuning.files, tuning.files))
    watching = asyncio.create_task(watch(Path(tuning.stands))) if tuning.stands else None
    await host.run()
    if watching is not None:
        watching.cancel()


def main() -> None:
    """Serve the service that the command line names."""
    asyncio.run(_serve(sys.argv[1]))


if __name__ == "__main__":
    main()
