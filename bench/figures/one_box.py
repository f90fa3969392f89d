"""One box: `soulprint up` without Kafka, a large import sent over HTTP, and a small one beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import psutil

from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, at_most
from bench.process import TreeSampler
from bench.session import Session
from tests.exports.schedule import Options
from tests.support.ports import free_port

LIMIT_MB = 300
FIRST_SECONDS = 5.0
BESIDE = 1_000
LOOK_SECONDS = 0.1
SHARE_SECONDS = 1.0
END_SECONDS = 600.0
HEADERS = {"Content-Type": "application/octet-stream"}


def figures(session: Session) -> Iterator[Figure]:
    """The memory of the box and of its Postgres at their peaks, how soon there are sections, how long a stop
    takes."""
    home = session.scratch / "one-box"
    large, small = (
        export_of(Options(count, seed=seed, average_bytes=AVERAGE_BYTES)).path
        for count, seed in ((session.large, 1), (BESIDE, 2))
    )
    with _box(home) as (client, process):
        data = (home / "postgres").resolve()
        sampler = TreeSampler(process.pid)
        box = _Shares(lambda each: _is_of(each, process.pid))
        postgres = _Shares(lambda each: each.name().startswith("postgres") and Path(each.cwd()) == data)
        watchers = (sampler, box, postgres)
        for each in watchers:
            each.start()
        first = _send(client, large)
        user = str(uuid4())
        began = time.perf_counter()
        _send(client, small, user)
        _until(lambda: bool(client.get(f"/profiles/{user}").json().get("sections")))
        seconds = time.perf_counter() - began
        _until(lambda: client.get(f"/imports/{first}").json()["state"] == "complete")
        for each in watchers:
            each.stop()
    of = f"one box, {session.large:,} conversations"
    yield at_most(f"memory of {of}", sampler.peak_rss_bytes / 1e6, LIMIT_MB, "MB")
    yield Figure(f"memory (by shares) of {of}", box.peak_bytes / 1e6, "MB")
    yield Figure(f"its Postgres (by shares), {of}", postgres.peak_bytes / 1e6, "MB")
    yield at_most(
        f"first sections of {BESIDE:,} conversations beside them, with the upload",
        seconds,
        FIRST_SECONDS,
        "s",
    )


@contextmanager
def _box(home: Path) -> Iterator[tuple[httpx2.Client, subprocess.Popen[bytes]]]:
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SOULPRINT_")}
    given = {
        "HOME": home,
        "GATEWAY_PORT": port,
        "METRICS_PORT": 0,
        "PROFILE_FORMAT": "app",
        "STORE": "embedded",
    }
    environment = {**kept, **{f"SOULPRINT_{name}": str(value) for name, value in given.items()}}
    environment |= {"KAFKA_BOOTSTRAP_SERVERS": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "soulprint", "up"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # its greeting
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            yield client, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _send(client: httpx2.Client, export: Path, user: str | None = None) -> str:
    with export.open("rb") as file:
        answer = client.post(
            "/imports", params={"user_id": user or str(uuid4())}, content=file, headers=HEADERS
        )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["import_id"])


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + END_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(LOOK_SECONDS)


class _Shares:
    """The memory of some processes, each page counted once: they share most of theirs."""

    def __init__(self, counts: Callable[[psutil.Process], bool]) -> None:
        self.peak_bytes = 0
        self._counts = counts
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(SHARE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(map(self._look, psutil.process_iter())))

    def _look(self, process: psutil.Process) -> int:
        try:
            return int(process.memory_full_info().pss) if self._counts(process) else 0
        except psutil.Error:
            return 0


def _is_of(process: psutil.Process, root: int) -> bool:
    """Whether it is a Python process of the box, its workers included."""
    if "python" not in Path(process.exe()).name.lower():
        return False
    return process.pid == root or any(parent.pid == root for parent in process.parents())
