"""The writer as a process of its own, on a log in memory: for what does not need Kafka and is killed.

python -m tests.support.writer_alone    # settings from the environment
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from prometheus_client import REGISTRY

from shared.heap import steady_heap
from shared.host.host import Host
from shared.host.services import opener_of
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.settings import Settings, load_settings
from soulprint.serve import configure_service_logs

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def writer_alone(settings: Mapping[str, object]) -> Iterator[psutil.Popen]:
    """The process, killed with the block if it is still there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOULPRINT_")}
    environment |= {f"SOULPRINT_{name.upper()}": str(value) for name, value in settings.items()}
    process = psutil.Popen(
        [sys.executable, "-m", "tests.support.writer_alone"],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _open_log(_: Settings, metrics: PoolMetrics) -> Log:
    return LocalLog(metrics)


async def _serve() -> None:
    steady_heap()
    settings = load_settings()
    configure_service_logs(settings)
    host = Host({"writer": opener_of("writer")}, settings, REGISTRY, open_log=_open_log)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, host.stop)
    await host.run()


if __name__ == "__main__":
    asyncio.run(_serve())
