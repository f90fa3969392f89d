"""`soulprint serve`, and what `soulprint up` shares with it: services until a signal ends them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence

from prometheus_client import REGISTRY

from shared.host.host import Host
from shared.host.services import opener_of
from shared.logs import configure_logs
from shared.settings import Settings, load_settings
from soulprint.signals import SIGNALS, end_at_once
from soulprint.terminal import say


def serve_command(services: Sequence[str], settings: Settings | None = None) -> None:
    """Run services on Kafka in this process until a signal ends them; then drain and return."""
    settings = settings or load_settings()
    configure_service_logs(settings)
    served(Host({name: opener_of(name) for name in services}, settings, REGISTRY))


def configure_service_logs(settings: Settings) -> None:
    """Services say what they do unless LOG_LEVEL says otherwise; libraries only warn."""
    level = settings.log_level if "log_level" in settings.model_fields_set else "info"
    configure_logs(level, limited=level != "debug")
    if level == "info":
        logging.getLogger().setLevel(logging.WARNING)


def served(
    host: Host, greeting: Callable[[], Sequence[str]] | None = None, *, again: str | None = None
) -> None:
    """Run a host until SIGTERM, SIGINT or the end of its terminal; then drain and return. Once it serves its
    greeting is printed. `again`: a second signal ends the process at once, with these words."""
    asyncio.run(_serve(host, greeting, again))


async def _serve(host: Host, greeting: Callable[[], Sequence[str]] | None, again: str | None) -> None:
    loop = asyncio.get_running_loop()
    stopping = False

    def stop(number: int) -> None:
        nonlocal stopping
        if stopping and again is not None and number != signal.SIGHUP:  # which shells send once more
            end_at_once(number, again)
        if not stopping and again is not None and number == signal.SIGINT:
            say(
                "Ending: what is at work is worked off, for 20 s at most. Ctrl-C again ends it at once.",
                err=True,
            )
        stopping = True
        host.stop()

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)
    running = asyncio.create_task(host.run())
    if greeting is not None:
        ready = asyncio.create_task(host.ready.wait())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if host.ready.is_set():
            say(*greeting())
    await running
