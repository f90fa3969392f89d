"""First sections: how long a person waits for some, alone and beside a huge import, on one box."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx2

from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, at_most
from bench.product import ROOT, RunFailedError, command, environment
from bench.session import Session
from tests.exports.schedule import Options
from tests.support.face import DIGEST, KEYED
from tests.support.ports import free_port

CONVERSATIONS = 1_000
REPEATS = 5
LIMIT = 5.0
UNDER_WAY = 300
"""Chunks of the huge import that are recorded before the others come."""
LOOK_SECONDS = 0.02
START_SECONDS = 120.0


def figures(session: Session) -> Iterator[Figure]:
    """Seconds from the first byte of an upload to sections that are served, the worst of five persons, by
    the gateway of `soulprint up` without Kafka: alone, and while the large import is under way."""
    exports = [
        export_of(Options(CONVERSATIONS, seed=30 + number, average_bytes=AVERAGE_BYTES)).path
        for number in range(REPEATS)
    ]
    large = session.export(session.large).path
    with _box() as client:
        for where in ("alone", f"beside {session.large:,} conversations"):
            if where != "alone":
                _reached(client, _asked(client, large, uuid4()), UNDER_WAY)
            took = [_took(client, export) for export in exports]
            each = ", ".join(f"{seconds:.2f}" for seconds in took)
            yield at_most(
                f"first sections of {CONVERSATIONS:,} conversations, {where}", max(took), LIMIT, "s", each
            )


def _took(client: httpx2.Client, export: Path) -> float:
    user, began = uuid4(), time.monotonic()
    _asked(client, export, user)
    _until(lambda: client.get(f"/profiles/{user}").status_code == 200)
    return time.monotonic() - began


def _asked(client: httpx2.Client, export: Path, user: UUID) -> str:
    """Send an export, as a person does; the import's id."""
    with export.open("rb") as body:
        answer = client.post(
            "/imports",
            params={"user_id": str(user), "name": export.name},
            content=body,
            headers={"Content-Type": "application/octet-stream"},
        )
    if answer.status_code != 202:
        raise RunFailedError(f"POST /imports answered {answer.status_code}: {answer.text}")
    return str(answer.json()["import_id"])


def _reached(client: httpx2.Client, import_id: str, chunks: int) -> None:
    _until(lambda: client.get(f"/imports/{import_id}").json()["chunks"]["ok"] >= chunks)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise RunFailedError(f"nothing came within {START_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)


@contextmanager
def _box() -> Iterator[httpx2.Client]:
    """All of it in one process, with an embedded Postgres; a client of its gateway."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="soulprint-bench-", ignore_cleanup_errors=True) as folder:
        given = {
            "GATEWAY_PORT": str(port),
            "METRICS_PORT": "0",
            "SERVICE_KEYS": DIGEST,
            "PROFILE_FORMAT": "app",
        }
        settings = {f"SOULPRINT_{name}": value for name, value in given.items()}
        process = subprocess.Popen(
            [str(command()), "up"],
            env=environment(Path(folder) / "home") | settings,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with httpx2.Client(
                base_url=f"http://127.0.0.1:{port}", headers=KEYED, timeout=60, trust_env=False
            ) as client:
                _until(lambda: _answers(client, process))
                yield client
        finally:
            process.terminate()
            process.wait(60)


def _answers(client: httpx2.Client, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RunFailedError(f"soulprint up ended with {process.returncode}")
    try:
        return client.get("/health").status_code == 200
    except httpx2.TransportError:
        return False
