"""`soulprint serve` and `soulprint up`: the services against a Kafka and a Postgres."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence

from prometheus_client import REGISTRY

from shared.host.host import Host
from shared.host.services import opener_of
from shared.logs import configure_logs
from shared.settings import Settings, load_settings


def serve_command(services: Sequence[str]) -> None:
    """Run services in this process until SIGTERM or SIGINT; then drain and return."""
    settings = load_settings()
    configure_service_logs(settings)
    asyncio.run(_serve(services, settings))


def configure_service_logs(settings: Settings) -> None:
    """Services say what they do unless LOG_LEVEL says otherwise; libraries only warn."""
    level = settings.log_level if "log_level" in settings.model_fields_set else "info"
    configure_logs(level, limited=level != "debug")
    if level == "info":
        logging.getLogger().setLevel(logging.WARNING)


async def _serve(services: Sequence[str], settings: Settings) -> None:
    host = Host({name: opener_of(name) for name in services}, settings, REGISTRY)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, host.stop)
    await host.run()
