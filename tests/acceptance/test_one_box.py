"""The whole service as one command, over real HTTP: what a person types, and what they see."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.domain.ids import user_id_for
from tests.support.box import Box
from tests.support.command import Soulprint
from tests.support.forking import ForkedSoulprint, ForkServer
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
ME = user_id_for("me")
OPEN = {"service_keys": "", "sweep_seconds": 10}
"""As a person has it, who sets nothing."""


async def test_one_command_takes_an_export_and_serves_what_became_of_it(
    shared_home: Soulprint, fork_server: ForkServer
) -> None:
    box = Box.of(shared_home, fork_server, **OPEN)
    beside = ForkedSoulprint(box.command, fork_server)
    async with box.up() as process:
        assert "open to this machine, nobody else" in process.out
        assert str(shared_home.home) in process.out
        second = await asyncio.to_thread(beside, "up")
        assert (second.code, "runs already" in second.err, "METRICS_PORT" in second.err) == (1, True, False)
        taken = await asyncio.to_thread(_as_printed, process.out)
        async with httpx2.AsyncClient(base_url=box.address, trust_env=False) as anybody:
            run = await _ended(anybody, taken["import_id"])
            assert (run["state"], run["chunks"]["dead"]) == ("complete", 0), run
            profile = (await anybody.get(f"/profiles/{ME}")).json()
            assert profile["import_id"] == taken["import_id"], profile
            page = await anybody.get(
                f"/imports/{taken['import_id']}", headers={"Origin": "https://evil.example"}
            )
            assert page.status_code == 403, "a stranger's page in this person's browser"
            assert (await anybody.get("/health")).json()["status"] == "healthy"
        shown = await asyncio.to_thread(beside, "show", "--section", "memory")
        assert (shown.code, "I live in Porto" in shown.out) == (0, True), shown.err
        finished = await box.stop(signal.SIGINT)
        assert finished.code == 0, finished.err


def _as_printed(greeting: str) -> Any:
    """What the printed line answers, with the sample for the export."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    (line,) = re.findall(r"(?s)Send an export: +(curl .+?')\n", greeting.replace("\\\n", ""))
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace("curl", "curl --silent --show-error --noproxy '*'", 1)],
        cwd=ROOT / "examples",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


async def _ended(client: httpx2.AsyncClient, import_id: str) -> Any:
    """The import once it has ended."""
    found: list[Any] = []

    async def ended() -> bool:
        """the import ends"""
        found[:] = [(await client.get(f"/imports/{import_id}")).json()]
        return found[0]["state"] in ("complete", "failed", "cancelled")

    await until(ended, 60)
    return found[0]


@pytest.mark.slow
def test_nobody_is_let_in_from_elsewhere_without_a_word(homeless: ForkedSoulprint) -> None:
    for changes in ({"GATEWAY_HOST": "0.0.0.0"}, {"GATEWAY_OPEN": "false"}):
        given = {"METRICS_PORT": "0", "GATEWAY_PORT": "0", **changes}
        settings = tuple((f"SOULPRINT_{name}", value) for name, value in given.items())
        command = ForkedSoulprint(Soulprint(homeless.command.home, settings), homeless.server)
        refused = command("up")
        assert (refused.code, "SOULPRINT_SERVICE_KEYS" in refused.err) == (2, True), refused.err
